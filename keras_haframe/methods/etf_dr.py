"""ETF + DR: a classifier fixed to the simplex ETF, dot-regression instead of cross-entropy."""

from __future__ import annotations

import dataclasses

from keras_haframe.layers import ETFClassifier
from keras_haframe.layers.fixed_classifier import inverse_norm
from keras_haframe.losses import DotRegression
from keras_haframe.methods.base import Method, register


@register("etf_dr")
@dataclasses.dataclass
class ETFDotRegression(Method):
    """Features pulled to the vectors of a simplex ETF, however rare their class. Knows no tree.

    Head: batch normalisation, L2 normalisation, ETF. For data with few examples of many classes.

    Options:
        normalize: L2-normalise the features; the paper's ImageNet-LT head does not.
        lengths: Class lengths: `"batch"` (as released), a list of K, or `None`; see
            `losses.DotRegression` and `losses.class_lengths`.
        reg_lam: Weight of the mean feature norm (paper: 0.01 for ImageNet-LT, else 0); without
            effect on normalised features.
        seed: Seed of the ETF's rotation.

    Reference: Yang et al., Inducing Neural Collapse in Imbalanced Learning: Do We Really Need a
    Learnable Classifier at the End of Deep Neural Network? (NeurIPS 2022).
    """

    normalize: bool = True
    lengths: str | list | None = "batch"
    reg_lam: float = 0.0
    seed: int = 0

    def __post_init__(self):
        self.lengths = self.loss().lengths  # checked, and a plain list
        check_lengths_of(self.lengths, self.tree)

    def head(self, features) -> dict:
        features = self.norm()(features)
        if self.normalize:
            features = features * inverse_norm(features)
        classifier = ETFClassifier(self.tree.num_classes, self.seed, name="classifier")
        return {**classifier(features), "features": features}

    def loss(self):
        return DotRegression(self.lengths, self.reg_lam)


def check_lengths_of(lengths, tree) -> None:
    """Raise unless a list of class lengths has one per class of the tree."""
    if isinstance(lengths, list) and len(lengths) != tree.num_classes:
        raise ValueError(
            f"`lengths` must hold one number per class, {tree.num_classes}. "
            f"Received: {len(lengths)}"
        )
