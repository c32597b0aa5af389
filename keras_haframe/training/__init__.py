"""Training: the papers' optimizer, resumable runs, and comparisons of methods."""

from keras_haframe.training.arrays import ArrayBatches, normalize, random_crop_and_flip
from keras_haframe.training.checkpoints import Checkpoints
from keras_haframe.training.comparison import Task, compare, grouped, kept_scores, with_seed
from keras_haframe.training.optimizer import GroupedSGD, papers_sgd
from keras_haframe.training.runner import run
from keras_haframe.training.schedules import AlphaSchedule, alpha_schedule, epoch_cosine
from keras_haframe.training.seeds import run_seeds
from keras_haframe.training.settings import RunSettings, from_command_line, option

__all__ = [
    "AlphaSchedule",
    "ArrayBatches",
    "Checkpoints",
    "GroupedSGD",
    "RunSettings",
    "Task",
    "alpha_schedule",
    "compare",
    "epoch_cosine",
    "from_command_line",
    "grouped",
    "kept_scores",
    "normalize",
    "option",
    "papers_sgd",
    "random_crop_and_flip",
    "run",
    "run_seeds",
    "with_seed",
]
