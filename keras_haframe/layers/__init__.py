"""Layers: the transformation block and the fixed classifiers."""

from keras_haframe.layers.etf_classifier import ETFClassifier
from keras_haframe.layers.fixed_classifier import FixedClassifier
from keras_haframe.layers.frame_classifier import FrameClassifier
from keras_haframe.layers.transformation_block import ResidualBlock, TransformationBlock

__all__ = [
    "ETFClassifier",
    "FixedClassifier",
    "FrameClassifier",
    "ResidualBlock",
    "TransformationBlock",
]
