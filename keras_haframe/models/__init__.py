"""Models: `build()` joins a backbone, a class tree and a method."""

from keras_haframe.models.build import build
from keras_haframe.models.classifier import HierarchicalClassifier

__all__ = ["HierarchicalClassifier", "build"]
