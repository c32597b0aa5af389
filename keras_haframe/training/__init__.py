"""Training: the papers' optimizer and what the recipes share."""

from keras_haframe.training.optimizer import GroupedSGD, papers_sgd
from keras_haframe.training.schedules import epoch_cosine

__all__ = ["GroupedSGD", "epoch_cosine", "papers_sgd"]
