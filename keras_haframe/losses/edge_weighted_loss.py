"""Losses along the path from the root to a class: their weights per edge and what they share."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from keras_haframe.losses.label_loss import LabelLoss
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.options import check_choice, non_negative
from keras_haframe.tree_ops.values import Tensor

WEIGHT_BY = ("depth", "height")


def edge_weights(
    tree: ClassTree, alpha: float, normalize: bool, weight_by: str = "depth"
) -> np.ndarray:
    """Weight `exp(-alpha depth(n))` of the edge above every node `n` of every path.

    Args:
        tree: A `ClassTree`.
        alpha: Decay per edge; the larger, the less the fine decisions count.
        weight_by: `"depth"`, or `"height"`: `exp(-alpha height(n))`, and coarse ones count less.
        normalize: Divide by the sum of the weights of all nodes, the root's included, as the
            released code of Making Better Mistakes does.

    Returns:
        float64 `[K, height]`: column `t` weighs the edge into the node at depth `t + 1` above the
        class; zero where the class is shallower.
    """
    nodes = np.exp(-alpha * (tree.depths if weight_by == "depth" else tree.node_heights("subtree")))
    if normalize:
        nodes = nodes / nodes.sum()
    weights = nodes[tree.paths[:, 1:]]
    weights[tree.paths[:, 1:] == tree.paths[:, :-1]] = 0.0
    return weights


class EdgeWeightedLoss(LabelLoss):
    """Base class of negative log likelihoods of the label's path, weighted by `edge_weights`.

    Args:
        tree: A `ClassTree` (or its configuration).
        alpha: Decay of the weights per edge, in `[0, inf)`.
        normalize, weight_by: See `edge_weights`.
        reduction: Keras reduction over the batch.
        dtype: `"float32"` or `"float64"`.
    """

    def __init__(
        self,
        tree: ClassTree | dict,
        alpha: float,
        normalize: bool,
        name: str,
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
        weight_by: str = "depth",
    ):
        super().__init__(name, reduction, dtype)
        self.tree = as_tree(tree)
        self.alpha = non_negative("alpha", alpha)
        self.normalize = bool(normalize)
        self.weight_by = check_choice("weight_by", weight_by, WEIGHT_BY)
        weights = edge_weights(self.tree, self.alpha, self.normalize, weight_by)
        self._weights = weights.astype(self.dtype)

    def weigh(self, labels: Tensor, log_probabilities: Tensor) -> Tensor:
        """Loss `[B]` from the log probability of every step of the labels' paths `[B, height]`."""
        weights = ops.take(ops.convert_to_tensor(self._weights), labels, axis=0)
        return -ops.sum(weights * log_probabilities, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tree": self.tree.get_config(),
            "alpha": self.alpha,
            "normalize": self.normalize,
        }
