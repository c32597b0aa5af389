"""HAFeature: one unit-norm classifier per tree level, made to agree with the levels beside it."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from keras_haframe.layers import UnitClassifiers
from keras_haframe.losses import HAFeatureLoss
from keras_haframe.methods.base import Method, register


@register("hafeature")
@dataclasses.dataclass
class HAFeature(Method):
    """Fine cross-entropy, consistency and geometry between levels, dissimilarity within them.

    Options:
        dissimilarity_levels: Levels with the dissimilarity term, 1 (children of the root) to
            L - 1; all of them by default. The paper: FGVC-Aircraft 2; CIFAR-100 1 to 4;
            iNaturalist 2019 2 to 6; tieredImageNet-H 5 to 11.
        consistency, geometry, dissimilarity: Weights of the terms; 1 in the paper.
        margin: Margin of the dissimilarity term; 3 in the paper.
        pairs: Pairs per level; 256 in the paper.
        seed: Seed of the random order in which examples are paired.

    Reference: Garg et al., Learning Hierarchy Aware Features for Reducing Mistake Severity
    (ECCV 2022).
    """

    network: ClassVar[str] = "I"

    dissimilarity_levels: list[int] | None = None
    consistency: float = 1.0
    geometry: float = 1.0
    dissimilarity: float = 1.0
    margin: float = 3.0
    pairs: int = 256
    seed: int = 0

    def __post_init__(self):
        self.loss()  # checks the options before any layer is made

    def head(self, features) -> dict:
        return UnitClassifiers(self.tree, self.seed, name="classifier")(features)

    def loss(self):
        return HAFeatureLoss(
            self.tree,
            self.dissimilarity_levels,
            self.consistency,
            self.geometry,
            self.dissimilarity,
            self.margin,
            self.pairs,
        )
