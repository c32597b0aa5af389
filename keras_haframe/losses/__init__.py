"""Losses, one per file. All take integer class labels `[B]`.

Names end in `Loss`, but for those that say CrossEntropy or Regression already.
"""

from keras_haframe.losses.batch_contrast_loss import BatchContrastLoss
from keras_haframe.losses.class_length_loss import class_lengths
from keras_haframe.losses.classifier_loss import ClassifierLoss
from keras_haframe.losses.conditional_softmax_loss import ConditionalSoftmaxLoss
from keras_haframe.losses.cosine_embedding_loss import CosineEmbeddingLoss
from keras_haframe.losses.cpcc_loss import CPCCLoss
from keras_haframe.losses.cross_entropy import CrossEntropy
from keras_haframe.losses.dot_regression import DotRegression
from keras_haframe.losses.frame_cosine_loss import FrameCosineLoss
from keras_haframe.losses.frame_dot_regression import FrameDotRegression
from keras_haframe.losses.hafeature_loss import HAFeatureLoss
from keras_haframe.losses.haframe_loss import HAFrameLoss
from keras_haframe.losses.hier_cos_loss import HierCosLoss
from keras_haframe.losses.hierarchical_cross_entropy import HierarchicalCrossEntropy
from keras_haframe.losses.label_loss import LabelLoss
from keras_haframe.losses.level_cross_entropy import LevelCrossEntropy
from keras_haframe.losses.node_mass_loss import NodeMassLoss
from keras_haframe.losses.ranking_loss import RankingLoss
from keras_haframe.losses.soft_label_cross_entropy import SoftLabelCrossEntropy
from keras_haframe.losses.tree_path_kl_loss import TreePathKLLoss

__all__ = [
    "BatchContrastLoss",
    "CPCCLoss",
    "ClassifierLoss",
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
    "NodeMassLoss",
    "RankingLoss",
    "SoftLabelCrossEntropy",
    "TreePathKLLoss",
    "class_lengths",
]
