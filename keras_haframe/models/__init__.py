"""Models: `build()` joins a backbone, a class tree and a method."""

from keras_haframe.models.classifier import HierarchicalClassifier, build
from keras_haframe.models.mixup import MixUpClassifier
from keras_haframe.models.resnet32 import resnet32
from keras_haframe.models.resnet50 import resnet50
from keras_haframe.models.small_cnn import small_cnn
from keras_haframe.models.torch_state import read_torch_state
from keras_haframe.models.torch_weights import load_torch_weights
from keras_haframe.models.wide_resnet import wide_resnet

__all__ = [
    "HierarchicalClassifier",
    "MixUpClassifier",
    "build",
    "load_torch_weights",
    "read_torch_state",
    "resnet32",
    "resnet50",
    "small_cnn",
    "wide_resnet",
]
