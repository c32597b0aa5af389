"""Conditional softmax (YOLO-v2): one softmax per group of siblings, multiplied along the path."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from keras_haframe.losses.edge_weighted_loss import EdgeWeightedLoss
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_width
from keras_haframe.tree_ops.segments import segment_log_softmax
from keras_haframe.tree_ops.values import Outputs, Tensor


class ConditionalLogProbabilities:
    """Log probability of every node given its parent, from one logit per node.

    Args:
        tree: A `ClassTree`.
    """

    def __init__(self, tree: ClassTree | dict):
        self.tree = as_tree(tree)
        self._group = (self.tree.parents[:-1] - self.tree.num_classes).astype(np.int32)
        paths = self.tree.paths
        self._paths = paths[:, 1:].astype(np.int32)
        self._counts = paths[:, 1:] != paths[:, :-1]

    def __call__(self, node_logits: Tensor) -> Tensor:
        """Log softmax `[B, N]` within each group of siblings, zero for the root.

        Args:
            node_logits: `[B, N]`, in the order of `tree.nodes`.
        """
        check_width(node_logits, self.tree.num_nodes, "Node logits", "node of the tree")
        rows = ops.transpose(node_logits)
        groups = self.tree.num_nodes - self.tree.num_classes
        given = segment_log_softmax(rows[:-1], self._group, groups)
        return ops.transpose(ops.concatenate([given, ops.zeros_like(rows[-1:])]))

    def leaves(self, node_logits: Tensor) -> Tensor:
        """Log probability `[B, K]` of every class: the sum along its path, level by level."""
        rows = ops.transpose(self(node_logits))
        total = 0.0
        for nodes, counts in zip(self._paths.T, self._counts.T):
            step = ops.take(rows, nodes, axis=0)
            total = total + step * ops.convert_to_tensor(counts[:, None], dtype=step.dtype)
        return ops.transpose(total)

    def path(self, labels: Tensor, node_logits: Tensor) -> Tensor:
        """Log probabilities `[B, height]` of the nodes on the path of int labels `[B]`."""
        nodes = ops.take(ops.convert_to_tensor(self._paths), labels, axis=0)
        return ops.take_along_axis(self(node_logits), nodes, axis=1)


@keras.saving.register_keras_serializable(package="keras_haframe")
class ConditionalSoftmaxLoss(EdgeWeightedLoss):
    """Negative log likelihood of the label's path, weighted by depth.

    `L_b = -sum_n w(n) log p(n | parent(n))` over the nodes on the path of `y_b` but the root, with
    `p(n | parent(n))` the softmax of the node logits within the group of siblings of `n` and
    `w(n) = exp(-alpha depth(n))`. With `alpha = 0` (and no normalization) this is the negative log
    probability of the class.

    Args:
        tree: A `ClassTree` (or its configuration).
        alpha: Decay of the weights per edge, in `[0, inf)`; 0 as in YOLO-v2.
        normalize: Divide the weights by their sum over all nodes of the tree, root included, as
            the released code of Making Better Mistakes does (a loss up to N times smaller).
        reduction: Keras reduction over the batch.

    Call arguments: integer labels `[B]` and node logits `[B, N]` in the order of `tree.nodes`
    (classes, inner nodes, root; the root's logit plays no part), or a dictionary of outputs that
    holds them under `"node_logits"`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> loss = ConditionalSoftmaxLoss(tree)
    >>> float(loss([0], keras.ops.zeros((1, 7)))).__round__(4)  # log 2 + log 2
    1.3863

    Reference: Redmon and Farhadi, YOLO9000 (CVPR 2017), hierarchical classification; weights as in
    Bertinetto et al., Making Better Mistakes (CVPR 2020).
    """

    reads = "node_logits"

    def __init__(
        self,
        tree: ClassTree | dict,
        *,
        alpha: float = 0.0,
        normalize: bool = False,
        name: str = "conditional_softmax",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(tree, alpha, normalize, name, reduction, dtype)
        self.log_probabilities = ConditionalLogProbabilities(self.tree)

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        node_logits = outputs["node_logits"] if isinstance(outputs, dict) else outputs
        return self.weigh(labels, self.log_probabilities.path(labels, node_logits))
