"""Models: `build()` joins a backbone, a class tree and a method."""

from keras_haframe.models.classifier import HierarchicalClassifier, build
from keras_haframe.models.mae import MAE
from keras_haframe.models.mixup import MixUpClassifier
from keras_haframe.models.named_backbones import make_backbone
from keras_haframe.models.probe import probe
from keras_haframe.models.resnet32 import resnet32
from keras_haframe.models.resnet50 import resnet50
from keras_haframe.models.small_cnn import small_cnn
from keras_haframe.models.torch_state import read_torch_state
from keras_haframe.models.torch_weights import load_torch_weights
from keras_haframe.models.vit import ViT
from keras_haframe.models.vit_weights import (
    load_mae_weights,
    load_vit_weights,
    save_vit_weights,
)
from keras_haframe.models.wide_resnet import wide_resnet

__all__ = [
    "MAE",
    "HierarchicalClassifier",
    "MixUpClassifier",
    "ViT",
    "build",
    "load_mae_weights",
    "load_torch_weights",
    "load_vit_weights",
    "make_backbone",
    "probe",
    "read_torch_state",
    "resnet32",
    "resnet50",
    "save_vit_weights",
    "small_cnn",
    "wide_resnet",
]
