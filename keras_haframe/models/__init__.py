"""Models: `build()` joins a backbone, a class tree and a method."""

from keras_haframe.models.build import build
from keras_haframe.models.classifier import HierarchicalClassifier
from keras_haframe.models.small_cnn import small_cnn

__all__ = ["HierarchicalClassifier", "build", "small_cnn"]
