"""Cross-entropy plus the cophenetic correlation of class means with the tree."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.losses.cross_entropy import CrossEntropy
from keras_haframe.losses.label_loss import LabelLoss, counted
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.options import non_negative
from keras_haframe.tree_ops.pair_distances import PairDistances
from keras_haframe.tree_ops.values import Outputs, Tensor

TINY = 1e-12


@keras.saving.register_keras_serializable(package="keras_haframe")
class CPCCLoss(LabelLoss):
    """`CE + weight (1 - r)`, `r` the correlation of distances in feature space and in the tree.

    `r` is Pearson's correlation, over all pairs of classes in the batch, of the Euclidean distance
    of the classes' mean features with their tree distance. It does not depend on the scale of
    either, so heights of LCAs serve for path lengths. Where it is undefined, as with fewer than
    three classes in the batch or on a flat tree, it counts as 0 and has no gradient.

    Classes get no slot of their own: with B examples the work is `B^2` times the feature width,
    however many classes the tree has.

    Args:
        tree: A `ClassTree` (or its configuration).
        weight: Weight of `1 - r`, not negative; the paper uses 1.
        convention: Distance convention, see `ClassTree.distances`.
        reduction: Keras reduction over the batch.

    Call arguments: integer labels `[B]` and outputs `{"logits": [B, K], "features": [B, P]}`.

    Under a distribution strategy the batch is that of one replica.

    Reference: Zeng, des Combes and Zhao, Learning Structured Representations by Embedding Class
    Hierarchy (ICLR 2023).
    """

    over_batch = True

    def __init__(
        self,
        tree: ClassTree | dict,
        *,
        weight: float = 1.0,
        convention: str = "depth",
        name: str = "cpcc",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(name, reduction, dtype)
        self.tree = as_tree(tree)
        self.weight = non_negative("weight", weight)
        self.convention = convention
        self._distances = PairDistances(self.tree, convention)
        self._entropy = CrossEntropy(dtype=dtype)

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        if not isinstance(outputs, dict) or not {"logits", "features"} <= set(outputs):
            raise ValueError(
                "CPCCLoss takes outputs {'logits', 'features'}. "
                f"Received: {sorted(outputs) if isinstance(outputs, dict) else type(outputs)}"
            )
        loss = self._entropy.loss(labels, outputs)
        if self.weight:
            present = counted(outputs, labels, self.dtype)
            correlation = self.correlation(labels, outputs["features"], present)
            loss = loss + self.weight * (1 - correlation)
        return loss

    def correlation(
        self, labels: Tensor, features: Tensor, present: Tensor | None = None
    ) -> Tensor:
        """Cophenetic correlation of a batch, a scalar from -1 to 1.

        Args:
            labels: Integer labels `[B]`.
            features: `[B, P]`.
            present: 1 for the examples that count, 0 for others, `[B]`; `None` for all.
        """
        labels = ops.cast(labels, "int32")
        same = ops.cast(labels[:, None] == labels[None, :], self.dtype)
        if present is not None:
            same = same * present[:, None] * present[None, :]
        means = ops.matmul(same, features) / ops.maximum(ops.sum(same, axis=1, keepdims=True), 1)
        # The first example of every class stands for its class; the others weigh nothing.
        place = ops.arange(ops.shape(labels)[0])
        before = ops.cast(place[None, :] < place[:, None], self.dtype)
        first = ops.cast(ops.sum(same * before, axis=1) == 0, self.dtype)
        if present is not None:
            first = first * present
        pairs = first[:, None] * first[None, :] * before
        tree = self._distances(labels, ops.broadcast_to(labels[None, :], ops.shape(same)))
        return _correlation(_distances(means), ops.cast(tree, self.dtype), pairs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tree": self.tree.get_config(),
            "weight": self.weight,
            "convention": self.convention,
        }


def _distances(points: Tensor) -> Tensor:
    """Euclidean distances `[B, B]` of points `[B, P]`, without a B x B x P tensor."""
    points = points - ops.mean(points, axis=0, keepdims=True)
    squares = ops.sum(points * points, axis=1)
    squared = squares[:, None] + squares[None, :] - 2 * ops.matmul(points, ops.transpose(points))
    return ops.sqrt(ops.maximum(squared, TINY))


def _correlation(a: Tensor, b: Tensor, weights: Tensor) -> Tensor:
    """Weighted Pearson correlation of two arrays; 0 where one of them does not vary."""
    total = ops.maximum(ops.sum(weights), 1)

    def deviations(x: Tensor) -> Tensor:
        mean = ops.sum(weights * x) / total
        centered = weights * (x - mean)
        variation = ops.sum(centered * centered)
        varies = variation > TINY * ops.sum(weights * x * x)
        return centered, ops.sqrt(ops.where(varies, variation, ops.ones_like(variation))), varies

    (da, sa, va), (db, sb, vb) = deviations(a), deviations(b)
    r = ops.sum(da * db) / sa / sb
    return ops.where(ops.logical_and(va, vb), r, ops.zeros_like(r))
