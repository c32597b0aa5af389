"""The sum of one cross-entropy per tree level."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_haframe.losses.cross_entropy import CrossEntropy
from keras_haframe.losses.level_loss import LevelLoss
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.values import Outputs, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class LevelCrossEntropy(LevelLoss):
    """Sum of the softmax cross-entropies of all levels, each against the label's ancestor there.

    Args:
        tree: A `ClassTree` (or its configuration).
        weights: Weights of the levels, coarsest first, not negative; all one by default, as in
            the paper.
        reduction: Keras reduction over the batch.

    Call arguments: integer class labels `[B]` and the outputs of a head with one classifier per
    level: `"logits_1"` (children of the root), .., `"logits"` (classes).

    Raises:
        ValueError: If the weights do not fit the tree, or an output is missing or has another
            width than its level.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> outputs = {"logits_1": keras.ops.zeros((1, 2)), "logits": keras.ops.zeros((1, 4))}
    >>> float(LevelCrossEntropy(tree)([0], outputs)).__round__(4)  # log 2 + log 4
    2.0794

    Reference: Chang et al., Your "Flamingo" is My "Bird": Fine-Grained, or Not (CVPR 2021).
    """

    def __init__(
        self,
        tree: ClassTree | dict,
        *,
        weights: list[float] | None = None,
        name: str = "level_cross_entropy",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(tree, name, reduction, dtype)
        self.weights = check_level_weights(weights, len(self.levels))
        self._cross_entropy = CrossEntropy(dtype=dtype)

    def terms(self, labels: Tensor, outputs: Outputs) -> list:
        """Cross-entropy `[B]` of every level, coarsest first, without the weights."""
        return [
            self._cross_entropy.loss(own, z)
            for own, z in zip(self.level_labels(labels), self.level_logits(outputs))
        ]

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        terms = self.terms(labels, outputs)
        if self.weights is not None:
            terms = [weight * term for weight, term in zip(self.weights, terms)]
        return sum(terms)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weights": self.weights}


def check_level_weights(weights: Sequence[float] | None, count: int) -> list[float] | None:
    """Return `weights` as a list of `count` numbers that are not negative, or `None`."""
    if weights is None:
        return None
    listed = isinstance(weights, (list, tuple, np.ndarray))
    fine = listed and all(isinstance(w, numbers.Real) and 0 <= w < math.inf for w in weights)
    if not fine or len(weights) != count:
        raise ValueError(
            f"`weights` must be {count} numbers in [0, inf), one per level of the tree, coarsest "
            f"first. Received: weights={weights}"
        )
    return [float(w) for w in weights]
