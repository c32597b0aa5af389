"""Losses, one per file. All take integer class labels `[B]`."""

from keras_haframe.losses.base import LabelLoss
from keras_haframe.losses.cross_entropy import CrossEntropy
from keras_haframe.losses.frame_cosine import FrameCosineLoss
from keras_haframe.losses.haframe import HAFrameLoss, alpha_schedule

__all__ = ["CrossEntropy", "FrameCosineLoss", "HAFrameLoss", "LabelLoss", "alpha_schedule"]
