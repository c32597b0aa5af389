"""Training: the papers' optimizer, resumable runs, and experiments of many runs."""

from keras_haframe import rooms
from keras_haframe.training.checkpoints import Checkpoints
from keras_haframe.training.experiment import Experiment, compare, run_seeds
from keras_haframe.training.fine_tuning import fine_tuning
from keras_haframe.training.grouped_adamw import GroupedAdamW, layer_decay
from keras_haframe.training.lars import LARS
from keras_haframe.training.optimizer import GroupedSGD, papers_sgd
from keras_haframe.training.pretraining import pretrain
from keras_haframe.training.reconstructions import Reconstructions
from keras_haframe.training.runner import load_trained, run
from keras_haframe.training.schedules import AlphaSchedule, alpha_schedule, epoch_cosine
from keras_haframe.training.settings import (
    RunSettings,
    flag,
    options_of,
    parse,
    place,
    row_of,
)
from keras_haframe.training.stages import fine_tuning_adamw, freeze, unfreeze

__all__ = [
    "LARS",
    "AlphaSchedule",
    "Checkpoints",
    "Experiment",
    "GroupedAdamW",
    "GroupedSGD",
    "Reconstructions",
    "RunSettings",
    "alpha_schedule",
    "compare",
    "epoch_cosine",
    "fine_tuning",
    "fine_tuning_adamw",
    "flag",
    "freeze",
    "layer_decay",
    "load_trained",
    "options_of",
    "papers_sgd",
    "parse",
    "place",
    "pretrain",
    "row_of",
    "run",
    "run_seeds",
    "unfreeze",
]

__getattr__, __dir__ = rooms.lazy(__name__, [*__all__, *rooms.modules(__name__)])
