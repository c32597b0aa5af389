"""Training: the papers' optimizer, and comparisons of methods."""

from keras_haframe.training.comparison import Task, compare, decide, grouped, kept_scores
from keras_haframe.training.optimizer import GroupedSGD, papers_sgd
from keras_haframe.training.schedules import epoch_cosine

__all__ = [
    "GroupedSGD",
    "Task",
    "compare",
    "decide",
    "epoch_cosine",
    "grouped",
    "kept_scores",
    "papers_sgd",
]
