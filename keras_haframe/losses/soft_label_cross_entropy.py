"""Soft labels: cross-entropy against targets that fall off with the distance in the tree."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_haframe.frames import node_weights
from keras_haframe.losses.label_loss import LabelLoss
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_width
from keras_haframe.tree_ops.options import check_choice, positive
from keras_haframe.tree_ops.target_rows import TargetRows
from keras_haframe.tree_ops.values import Outputs, Tensor

SCALES = ("largest_distance", "height")
FORMS = ("cross_entropy", "kl", "kl_per_class")
NO_ZERO = (
    ": 0 would make every class an equally good answer. For one-hot labels, which the released "
    "code takes beta = 0 to mean, use cross-entropy"
)


@keras.saving.register_keras_serializable(package="keras_haframe")
class SoftLabelCrossEntropy(LabelLoss):
    """Softmax cross-entropy against `t_k(y) = exp(-beta D[k, y] / d_max) / sum_j ...`.

    Args:
        tree: A `ClassTree` (or its configuration).
        beta: Sharpness of the targets, positive: the paper uses 4 to 30. Large values come near
            to one-hot labels, small ones near to uniform targets. There is no `beta = 0` (uniform
            targets teach nothing; the released code takes 0 to mean one-hot labels).
        form: What is averaged over the batch; all three have the same minimizer.
            `"cross_entropy"`: `-sum_k t_k log p_k`, the scale of plain cross-entropy.
            `"kl"`: less the entropy of the targets, so zero at the optimum; the same gradient.
            `"kl_per_class"`: that divided by K, the scale on which the released code trains. Its
            gradient is K times smaller: raise the learning rate accordingly unless the optimizer
            is scale-free (the authors use Adam).
        scale: What distances are divided by: `"largest_distance"`, d_max, as the released code, or
            `"height"`, that of the tree. They differ where the root has a single child.
        convention: Distance convention, see `ClassTree.distances`.
        reduction: Keras reduction over the batch.

    Call arguments: integer labels `[B]` and logits `[B, K]`, or a dictionary of outputs that holds
    them under `"logits"`.

    Up to 2048 classes the targets are gathered from a K x K table; beyond, they are summed over
    the nodes above the label in `[B, K]` memory.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> targets = SoftLabelCrossEntropy(tree, beta=4.0).targets([0])
    >>> keras.ops.convert_to_numpy(targets).round(4)  # 1, exp(-2), exp(-4), exp(-4) over their sum
    array([[0.8533, 0.1155, 0.0156, 0.0156]], dtype=float32)

    Reference: Bertinetto et al., Making Better Mistakes (CVPR 2020), soft labels.
    """

    reads = "logits"

    def __init__(
        self,
        tree: ClassTree | dict,
        *,
        beta: float = 10.0,
        form: str = "cross_entropy",
        scale: str = "largest_distance",
        convention: str = "depth",
        name: str = "soft_label_cross_entropy",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(name, reduction, dtype)
        self.tree = as_tree(tree)
        self.beta = positive("beta", beta, NO_ZERO)
        self.form = check_choice("form", form, FORMS)
        self.scale = check_choice("scale", scale, SCALES)
        self.convention = convention
        largest = node_weights.largest_distance(self.tree, convention)
        decay = self.beta * (largest / self.tree.height if scale == "height" else 1.0)
        weights = node_weights.node_weights(self.tree, decay, 0.0, convention=convention)
        self._rows = TargetRows(self.tree, weights, self.dtype)
        self._inverse_sums = (1.0 / row_sums(self.tree, weights)).astype(self.dtype)

    def targets(self, labels: Tensor) -> Tensor:
        """Targets `[B, K]` of int labels `[B]`; every row sums to one."""
        scale = ops.take(ops.convert_to_tensor(self._inverse_sums), labels, axis=0)
        return self._rows(labels) * scale[:, None]

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        logits = outputs["logits"] if isinstance(outputs, dict) else outputs
        check_width(logits, self.tree.num_classes, "Logits", "class of the tree")
        targets = self.targets(labels)
        log_ratio = ops.log_softmax(logits, axis=-1)
        if self.form != "cross_entropy":
            # A target that underflows to zero adds nothing: 0 log 0 = 0.
            log_ratio = log_ratio - ops.log(ops.where(targets > 0, targets, 1.0))
        total = -ops.sum(targets * log_ratio, axis=-1)
        return total / self.tree.num_classes if self.form == "kl_per_class" else total

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tree": self.tree.get_config(),
            "beta": self.beta,
            "form": self.form,
            "scale": self.scale,
            "convention": self.convention,
        }


def row_sums(tree: ClassTree, weights: np.ndarray) -> np.ndarray:
    """Row sums `[K]` of `sum_n weights_n 1_n 1_n'`, without the K x K matrix."""
    _, start, stop = tree.leaf_ranges
    mass = weights * (stop - start)
    for nodes in tree.by_depth[1:]:
        mass[nodes] += mass[tree.parents[nodes]]
    return mass[: tree.num_classes]
