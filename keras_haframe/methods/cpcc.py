"""CPCC: cross-entropy, with class means arranged like the tree."""

from __future__ import annotations

from keras_haframe import losses
from keras_haframe.methods.base import LinearMethod, Norm, register
from keras_haframe.tree_ops.values import Tensor


@register("cpcc")
class CPCC(LinearMethod):
    """A learnable linear classifier, and distances of class means that correlate with the tree's.

    Batches should hold several examples of at least three classes whose distances differ.

    Reference: Zeng, des Combes and Zhao, Learning Structured Representations by Embedding Class
    Hierarchy (ICLR 2023).
    """

    Loss = losses.CPCCLoss

    def head(self, features: Tensor, norm: Norm) -> dict:
        return {**super().head(features, norm), "features": features}
