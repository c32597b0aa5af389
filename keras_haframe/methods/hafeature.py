"""HAFeature: one unit-norm classifier per tree level, made to agree with the levels beside it."""

from __future__ import annotations

from typing import Any, ClassVar

from keras_haframe import losses
from keras_haframe.layers import UnitClassifiers
from keras_haframe.methods.base import Method, Norm, register
from keras_haframe.tree_ops.values import Tensor


@register("hafeature")
class HAFeature(Method):
    """Fine cross-entropy, consistency and geometry between levels, dissimilarity within them.

    Args:
        seed: Seed of the random order in which examples are paired.

    Reference: Garg et al., Learning Hierarchy Aware Features for Reducing Mistake Severity
    (ECCV 2022).
    """

    Loss = losses.HAFeatureLoss
    head_options: ClassVar[dict[str, Any]] = {"seed": 0}

    def head(self, features: Tensor, norm: Norm) -> dict:
        return UnitClassifiers(self.tree, seed=self.seed, name="classifier")(features)
