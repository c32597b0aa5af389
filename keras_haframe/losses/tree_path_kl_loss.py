"""Cross-entropy at every level of the tree plus the tree-path KL divergence over all levels."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from keras_haframe.losses.label_loss import take_own
from keras_haframe.losses.level_cross_entropy import LevelCrossEntropy
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.options import non_negative
from keras_haframe.tree_ops.values import Outputs, Tensor


# Registered under the name that saved models have.
@keras.saving.register_keras_serializable(package="keras_haframe", name="TreePathKL")
class TreePathKLLoss(LevelCrossEntropy):
    """`sum_l CE_l + weight KL(q || p)`.

    `CE_l` is the cross-entropy of the head of level l alone. For the second term the logits of all
    heads are put side by side: `p` is their common softmax, and `q` gives `1 / L` to the node of
    each of the L levels on the path of the class. It is zero only where the heads agree on the
    nodes of one path and are equally sure of them.

    Args:
        tree: A `ClassTree` (or its configuration).
        weight: Weight of the tree-path KL divergence, not negative; the paper uses 0.5.
        weights: Weights of the cross-entropies, see `LevelCrossEntropy`.
        reduction: Keras reduction over the batch.

    Call arguments: integer class labels `[B]` and the outputs of a head with one classifier per
    level: `"logits_1"` (children of the root), .., `"logits"` (classes).

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> outputs = {"logits_1": keras.ops.zeros((1, 2)), "logits": keras.ops.zeros((1, 4))}
    >>> round(float(TreePathKLLoss(tree)([0], outputs)), 4)  # log 2 + log 4 + (log 6 - log 2) / 2
    2.6287

    Reference: Park et al., Visually Consistent Hierarchical Image Classification (ICLR 2025),
    tree-path KL divergence loss.
    """

    def __init__(
        self,
        tree: ClassTree | dict,
        *,
        weight: float = 0.5,
        weights: list[float] | None = None,
        name: str = "tree_path_kl",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(tree, weights=weights, name=name, reduction=reduction, dtype=dtype)
        self.weight = non_negative("weight", weight)

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        loss = super().loss(labels, outputs)
        if self.weight:
            loss = loss + self.weight * self.path_divergence(labels, outputs)
        return loss

    def path_divergence(self, labels: Tensor, outputs: Outputs) -> Tensor:
        """`KL(q || p)` per example, `[B]`, without the weight."""
        logits = self.level_logits(outputs)
        own = [take_own(z, label) for z, label in zip(logits, self.level_labels(labels))]
        log_sum = ops.logsumexp(ops.concatenate(logits, axis=-1), axis=-1)
        return log_sum - sum(own) / len(own) - math.log(len(own))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weight": self.weight}
