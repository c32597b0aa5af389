"""ETF + DR: a classifier fixed to the simplex ETF, dot-regression instead of cross-entropy."""

from __future__ import annotations

from typing import Any, ClassVar

from keras_haframe import losses
from keras_haframe.layers import ETFClassifier
from keras_haframe.layers.fixed_classifier import inverse_norm
from keras_haframe.losses.class_length_loss import check_one_per_class
from keras_haframe.methods.base import Method, Norm, register
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.values import Tensor


@register("etf_dr")
class ETFDR(Method):
    """Features pulled to the vectors of a simplex ETF, however rare their class. Knows no tree.

    Head: batch normalization, L2 normalization, ETF. For data with few examples of many classes.

    Args:
        normalize: L2-normalize the features; the paper's ImageNet-LT head does not. (`reg_lam` is
            without effect on normalized features.)
        seed: Seed of the ETF's rotation.

    Reference: Yang et al., Inducing Neural Collapse in Imbalanced Learning: Do We Really Need a
    Learnable Classifier at the End of Deep Neural Network? (NeurIPS 2022).
    """

    wide = True
    Loss = losses.DotRegression
    head_options: ClassVar[dict[str, Any]] = {"normalize": True, "seed": 0}

    def __init__(self, tree: ClassTree | dict, **options: Any) -> None:
        super().__init__(tree, **options)
        check_one_per_class(self.loss.lengths, self.tree)

    def head(self, features: Tensor, norm: Norm) -> dict:
        features = norm()(features)
        if self.normalize:
            features = features * inverse_norm(features)
        classifier = ETFClassifier(self.tree.num_classes, seed=self.seed, name="classifier")
        return {**classifier(features), "features": features}
