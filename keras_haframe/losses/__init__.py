"""Losses, one per file. All take integer class labels `[B]`."""

from keras_haframe.losses.base import LabelLoss
from keras_haframe.losses.conditional_softmax import ConditionalSoftmaxLoss
from keras_haframe.losses.cpcc import CPCCLoss
from keras_haframe.losses.cross_entropy import CrossEntropy
from keras_haframe.losses.devise import RankingLoss
from keras_haframe.losses.dot_regression import DotRegression, class_lengths
from keras_haframe.losses.frame_cosine import FrameCosineLoss
from keras_haframe.losses.hafeature import HAFeatureLoss
from keras_haframe.losses.haframe import HAFrameLoss, alpha_schedule
from keras_haframe.losses.haframe_dr import FrameDotRegression
from keras_haframe.losses.hier_cos import HierCosLoss
from keras_haframe.losses.hierarchical_cross_entropy import HierarchicalCrossEntropy
from keras_haframe.losses.label_embeddings import CosineEmbeddingLoss
from keras_haframe.losses.level_cross_entropy import LevelCrossEntropy
from keras_haframe.losses.soft_labels import SoftLabelCrossEntropy
from keras_haframe.losses.tree_path_kl import TreePathKL

__all__ = [
    "CPCCLoss",
    "ConditionalSoftmaxLoss",
    "CosineEmbeddingLoss",
    "CrossEntropy",
    "DotRegression",
    "FrameCosineLoss",
    "FrameDotRegression",
    "HAFeatureLoss",
    "HAFrameLoss",
    "HierCosLoss",
    "HierarchicalCrossEntropy",
    "LabelLoss",
    "LevelCrossEntropy",
    "RankingLoss",
    "SoftLabelCrossEntropy",
    "TreePathKL",
    "alpha_schedule",
    "class_lengths",
]
