"""Training: the papers' optimizer, resumable runs, and experiments of many runs."""

from keras_haframe import rooms
from keras_haframe.training.checkpoints import Checkpoints
from keras_haframe.training.experiment import Experiment, compare, run_seeds
from keras_haframe.training.optimizer import GroupedSGD, papers_sgd
from keras_haframe.training.runner import load_trained, run
from keras_haframe.training.schedules import AlphaSchedule, alpha_schedule, epoch_cosine
from keras_haframe.training.settings import RunSettings, flag, parse, place

__all__ = [
    "AlphaSchedule",
    "Checkpoints",
    "Experiment",
    "GroupedSGD",
    "RunSettings",
    "alpha_schedule",
    "compare",
    "epoch_cosine",
    "flag",
    "load_trained",
    "papers_sgd",
    "parse",
    "place",
    "run",
    "run_seeds",
]

__getattr__, __dir__ = rooms.lazy(__name__, [*__all__, *rooms.modules(__name__)])
