"""Hier-COS: one axis per tree node, features spread over the axes of their class's path."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_haframe.layers.fixed_classifier import NORM_EPSILON
from keras_haframe.losses.label_loss import LabelLoss, counted
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_width
from keras_haframe.tree_ops.options import non_negative
from keras_haframe.tree_ops.values import Outputs, Tensor


def path_targets(tree: ClassTree) -> np.ndarray:
    """Target share of every node on the path of every class.

    Args:
        tree: A `ClassTree`.

    Returns:
        float64 `[K, height]`, rows summing to one: entry `k, l - 1` is the share of the node at
        depth `l` above class `k`, proportional to `exp(2 / (H_k + 1 - l))` with `H_k` the depth of
        the class, and 0 below it. The root has no share.
    """
    depth = tree.depths[: tree.num_classes, None]
    level = np.arange(1, tree.height + 1)
    share = np.where(level <= depth, np.exp(2.0 / np.maximum(depth + 1 - level, 1)), 0.0)
    return share / share.sum(axis=1, keepdims=True)


@keras.saving.register_keras_serializable(package="keras_haframe")
class HierCosLoss(LabelLoss):
    """`KL(P_y || softmax(|x|)) + alpha L_reg` over the axes of all nodes but the root.

    `P_y` is `path_targets`. At every depth, `L_reg` adds the L1 distance of the unit vector of
    `|x|` on the nodes of that depth to the axis of the right node, averaged over the examples whose
    class has a node there, and the mean L1 norm of the others.

    Args:
        tree: A `ClassTree` (or its configuration).
        alpha: Weight of `L_reg` (paper: CIFAR-100 0.05, FGVC-Aircraft 0.1, iNaturalist 2019 1e-3,
            tieredImageNet-H 1e-5).
        reduction: Keras reduction over the batch.

    Call arguments: integer labels `[B]` and outputs `{"nodes": [B, N - 1]}` (or that tensor alone):
    the coordinate of every node, in the order of `tree.nodes` without the root.

    Reference: Sani and Anand, Hier-COS (arXiv 2503.07853).
    """

    reads = "nodes"
    over_batch = True

    def __init__(
        self,
        tree: ClassTree | dict,
        *,
        alpha: float = 0.01,
        name: str = "hier_cos",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(name, reduction, dtype)
        self.tree = as_tree(tree)
        self.alpha = non_negative("alpha", alpha)
        self._paths = self.tree.paths[:, 1:].astype(np.int32)
        self._targets = path_targets(self.tree)
        self._level = (self.tree.depths[:-1] - 1).astype(np.int32)  # of every axis

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        present = counted(outputs, labels, self.dtype)
        x = outputs["nodes"] if isinstance(outputs, dict) else outputs
        check_width(x, len(self._level), "Node coordinates", "node of the tree but the root")
        x = ops.abs(x)
        path = ops.take(ops.convert_to_tensor(self._paths), labels, axis=0)
        target = ops.take(ops.convert_to_tensor(self._targets, dtype=self.dtype), labels, axis=0)
        log_p = ops.take_along_axis(ops.log_softmax(x, axis=-1), path, axis=-1)
        log_target = ops.log(ops.where(target > 0, target, ops.ones_like(target)))
        loss = ops.sum(target * (log_target - log_p), axis=-1)
        if self.alpha:
            loss = loss + self.alpha * self._regularity(x, path, target > 0, present)
        return loss

    def _regularity(self, x: Tensor, path: Tensor, here: Tensor, present: Tensor) -> Tensor:
        """`L_reg` per example; its mean over the batch is the sum of the means per level."""
        sums = self._level_sums(x)
        squared = self._level_sums(x * x)
        inverse = ops.rsqrt(ops.maximum(squared, NORM_EPSILON**2))
        inverse = ops.where(squared > NORM_EPSILON**2, inverse, ops.zeros_like(inverse))
        # Entries of a unit vector r with r >= 0: sum_j |1[j = y] - r_j| = 1 - 2 r_y + sum_j r_j.
        own = ops.take_along_axis(x, path, axis=-1)
        wrong = 1 + (sums - 2 * own) * inverse
        here = ops.cast(here, self.dtype)
        of_all = present[:, None] / ops.maximum(ops.sum(present), 1)
        share = ops.sum(here * of_all, axis=0, keepdims=True)
        inside = here / ops.maximum(share, 1e-12)
        outside = (1 - here) / ops.maximum(1 - share, 1e-12)
        return ops.sum(inside * wrong + outside * sums, axis=-1)

    def _level_sums(self, values: Tensor) -> Tensor:
        """Sum `[B, height]` of values `[B, N - 1]` over the nodes of every depth."""
        rows = ops.segment_sum(ops.transpose(values), self._level, self.tree.height)
        return ops.transpose(rows)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "tree": self.tree.get_config(), "alpha": self.alpha}
