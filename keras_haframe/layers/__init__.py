"""Layers: the transformation block, the fixed classifiers, fast batch normalization."""

from keras_haframe.layers.batch_normalization import BatchNormalization
from keras_haframe.layers.embedding_classifier import EmbeddingClassifier
from keras_haframe.layers.etf_classifier import ETFClassifier
from keras_haframe.layers.fixed_classifier import FixedClassifier
from keras_haframe.layers.frame_classifier import FrameClassifier
from keras_haframe.layers.residual_block import ResidualBlock
from keras_haframe.layers.slice_classifiers import SliceClassifiers
from keras_haframe.layers.transformation_block import TransformationBlock
from keras_haframe.layers.unit_classifiers import UnitClassifiers

__all__ = [
    "BatchNormalization",
    "ETFClassifier",
    "EmbeddingClassifier",
    "FixedClassifier",
    "FrameClassifier",
    "ResidualBlock",
    "SliceClassifiers",
    "TransformationBlock",
    "UnitClassifiers",
]
