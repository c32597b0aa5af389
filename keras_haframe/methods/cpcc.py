"""CPCC: cross-entropy, with class means arranged like the tree."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from keras_haframe.losses import CPCCLoss
from keras_haframe.methods.base import Method, linear, register


@register("cpcc")
@dataclasses.dataclass
class CPCC(Method):
    """A learnable linear classifier, and distances of class means that correlate with the tree's.

    Options:
        weight: Weight of one minus the cophenetic correlation (paper: 1).

    Batches should hold several examples of at least three classes whose distances differ.

    Reference: Zeng, des Combes and Zhao, Learning Structured Representations by Embedding Class
    Hierarchy (ICLR 2023).
    """

    network: ClassVar[str] = "I"
    weight: float = 1.0

    def __post_init__(self):
        self.loss()  # checks the options before any layer is made

    def head(self, features) -> dict:
        return {"logits": linear(self.tree.num_classes)(features), "features": features}

    def loss(self):
        return CPCCLoss(self.tree, self.weight)
