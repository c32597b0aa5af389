"""Hierarchical cross-entropy (HXE): one weighted cross-entropy per edge of the label's path."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_haframe.losses.edge_weighted_loss import EdgeWeightedLoss
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.checks import check_width
from keras_haframe.tree_ops.segments import segment_logsumexp, up_the_tree
from keras_haframe.tree_ops.values import Outputs, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class HierarchicalCrossEntropy(EdgeWeightedLoss):
    """Cross-entropy of the class softmax, split along the label's path and weighted by depth.

    With `P(n)` the softmax probability summed over the classes below node `n`,
    `L_b = -sum_n w(n) log(P(n) / P(parent(n)))` over the nodes on the path of `y_b` but the root,
    and `w(n) = exp(-alpha depth(n))`. With `alpha = 0` (and no normalization) the sum telescopes
    to plain cross-entropy; a larger alpha favors getting the coarse levels right. With
    `weight_by="height"`, `w(n) = exp(-alpha height(n))`, a larger alpha favors the fine levels.

    Args:
        tree: A `ClassTree` (or its configuration).
        alpha: Decay of the weights per edge, in `[0, inf)`; the paper uses 0.1 to 0.6.
        normalize: Divide the weights by their sum over all nodes of the tree, root included, as
            the released code does. This divides the loss by up to the number of nodes: raise the
            learning rate accordingly unless the optimizer is scale-free (the authors use Adam).
        weight_by: `"depth"` as the released code, or `"height"` (of the node above the class), the
            equation as it is written.
        reduction: Keras reduction over the batch.

    Call arguments: integer labels `[B]` and logits `[B, K]`, or a dictionary of outputs that holds
    them under `"logits"`.

    All sums are log-sum-exp from each node's children, so no probability underflows; time and
    memory are O(N) per example.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> loss = HierarchicalCrossEntropy(tree, alpha=0.0)
    >>> float(loss([0], keras.ops.zeros((1, 4)))).__round__(4)  # log 2 + log 2
    1.3863

    Reference: Bertinetto et al., Making Better Mistakes (CVPR 2020), hierarchical cross-entropy.
    """

    reads = "logits"

    def __init__(
        self,
        tree: ClassTree | dict,
        *,
        alpha: float = 0.1,
        normalize: bool = False,
        weight_by: str = "depth",
        name: str = "hierarchical_cross_entropy",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(tree, alpha, normalize, name, reduction, dtype, weight_by)
        self._paths = self.tree.paths.astype(np.int32)

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        logits = outputs["logits"] if isinstance(outputs, dict) else outputs
        check_width(logits, self.tree.num_classes, "Logits", "class of the tree")
        # Differences of log-sum-exps keep more digits when the largest logit is zero.
        logits = logits - ops.stop_gradient(ops.max(logits, axis=-1, keepdims=True))
        nodes = up_the_tree(ops.transpose(logits), self.tree, segment_logsumexp)
        path = ops.take(ops.convert_to_tensor(self._paths), labels, axis=0)
        log_p = ops.take_along_axis(ops.transpose(nodes), path, axis=1)
        return self.weigh(labels, log_p[:, 1:] - log_p[:, :-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weight_by": self.weight_by}
