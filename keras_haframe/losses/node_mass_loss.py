"""Cross-entropy of the probability below every node on a label's path."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_haframe.losses.label_loss import LabelLoss
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_width
from keras_haframe.tree_ops.values import Outputs, Tensor

FLOOR = 1e-6


@keras.saving.register_keras_serializable(package="keras_haframe")
class NodeMassLoss(LabelLoss):
    """`-sum_v T[v, y] log(p^(v) + 1e-6)` over the path of the label, with one softmax of all nodes.

    `p` is the softmax of the logits of all N nodes, `p^(v)` the sum of `p` over v and all nodes
    below it. `T[v, y]` is proportional to `decay` to the number of edges from v down to the class,
    over the nodes of the path but the root (whose mass is 1), and sums to one.

    Args:
        tree: A `ClassTree` (or its configuration).
        decay: Factor by which the weight falls from a node to its parent, above 0 and at most 1.
        reduction: Keras reduction over the batch.

    Call arguments: integer labels `[B]` and node logits `[B, N]` in the order of `tree.nodes`, or a
    dictionary of outputs that holds them under `"node_logits"`.

    Raises:
        ValueError: For a `decay` out of range.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> loss = NodeMassLoss(tree)  # p is 1/7 each: 1/7 on car, 3/7 on land
    >>> float(loss([0], keras.ops.zeros((1, 7)))).__round__(4)  # 2/3 log 7 + 1/3 log 7/3
    1.5797

    Reference: HACE (arXiv 2605.06274). How its weights fall along the path is not in our source:
    the geometric factor (0.2, 0.5 or 0.7 there) is as described, the scale to a sum of one is ours.
    """

    def __init__(
        self,
        tree: ClassTree | dict,
        *,
        decay: float = 0.5,
        name: str = "node_mass",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(name, reduction, dtype)
        if not 0 < decay <= 1:
            raise ValueError(f"`decay` must be above 0 and at most 1. Received: decay={decay}")
        self.tree, self.decay = as_tree(tree), float(decay)
        depth = self.tree.depths[: self.tree.num_classes, None]
        level = np.arange(1, self.tree.height + 1)
        weight = np.where(level <= depth, self.decay ** np.maximum(depth - level, 0.0), 0.0)
        self._weights = weight / weight.sum(axis=1, keepdims=True)
        self._paths = self.tree.paths[:, 1:].astype(np.int32)

    def masses(self, node_logits: Tensor) -> Tensor:
        """Probability `[N, B]` of every node with all below it, from node logits `[B, N]`."""
        check_width(node_logits, self.tree.num_nodes, "Node logits", "node of the tree")
        total = ops.transpose(ops.softmax(node_logits, axis=-1))
        for nodes in self.tree.by_depth[:0:-1]:
            parents = self.tree.parents[nodes]
            total = total + ops.segment_sum(
                ops.take(total, nodes, axis=0), parents, self.tree.num_nodes
            )
        return total

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        node_logits = outputs["node_logits"] if isinstance(outputs, dict) else outputs
        nodes = ops.take(ops.convert_to_tensor(self._paths), labels, axis=0)
        own = ops.take_along_axis(ops.transpose(self.masses(node_logits)), nodes, axis=1)
        weights = ops.convert_to_tensor(self._weights, dtype=own.dtype)
        return -ops.sum(ops.take(weights, labels, axis=0) * ops.log(own + FLOOR), axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "tree": self.tree.get_config(), "decay": self.decay}
