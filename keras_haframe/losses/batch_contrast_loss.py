"""Contrast of the images of a batch for every class vector of a fixed frame (NTCE, NONL)."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.frames import TargetCosines
from keras_haframe.losses.label_loss import LabelLoss, counted, take_own
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.checks import check_width
from keras_haframe.tree_ops.options import check_choice, positive
from keras_haframe.tree_ops.target_rows import TargetRows
from keras_haframe.tree_ops.values import Outputs, Tensor

AGAINST = ("batch", "others", "frame")
LOWEST = -1e30  # of what is left out of a softmax


@keras.saving.register_keras_serializable(package="keras_haframe")
class BatchContrastLoss(LabelLoss):
    """Find the image among those of the batch by the vector of its class.

    With `c_ij = w_(y_i) . u_j / tau`, u the unit features of the batch and w the unit class
    vectors, the loss of image i is by `against`

    - `"batch"` (NTCE): `-c_ii + log sum_j exp(c_ij)` over all images j of the batch;
    - `"others"` (NONL): the same sum over the images of other classes alone (0 without any);
    - `"frame"` (ours): the cross-entropy of `softmax_j(c_ij)` with the target `softmax_j(S_ij /
      tau)`, S the cosines of the class vectors. The two above take images of the same class and of
      siblings for plain negatives; this one is lowest exactly where all cosines are those of the
      frame.

    Args:
        tree: A `ClassTree` (or its configuration), or the `TargetCosines` themselves.
        gamma: Decay of the target cosines, or `"auto"`, see `frames.TargetCosines`.
        min_similarity: `"grid"` (HAFrame paper), `"exact"` or a number.
        convention: Distance convention, see `ClassTree.distances`.
        mapping: `"exponential"` or `"linear"`, see `frames.similarity`.
        temperature: tau, positive.
        against: One of the three.
        reduction: Keras reduction over the batch.

    Call arguments: integer labels `[B]` and the outputs `{"cosines"}` of a fixed classifier. The
    batch is that of one replica, without the images of weight 0.

    Raises:
        ValueError: For an option out of range.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> loss = BatchContrastLoss(tree, temperature=1.0)
    >>> outputs = {"cosines": keras.ops.zeros((2, 4))}
    >>> float(loss([0, 2], outputs)).__round__(4)  # log 2
    0.6931

    Reference: Neural collapse by design (arXiv 2605.20302, ICML 2026), for classifiers that are
    learned; on a hierarchy-aware frame, and `"frame"`: ours.
    """

    over_batch = True

    def __init__(
        self,
        tree: ClassTree | TargetCosines | dict,
        gamma: float | str = "auto",
        *,
        min_similarity: str | float = "grid",
        convention: str = "depth",
        mapping: str = "exponential",
        temperature: float = 0.1,
        against: str = "batch",
        name: str = "batch_contrast",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(name, reduction, dtype)
        self.target = TargetCosines.of(
            tree, gamma, min_similarity=min_similarity, convention=convention, mapping=mapping
        )
        self.temperature = positive("temperature", temperature)
        self.against = check_choice("against", against, AGAINST)
        tree = self.target.tree
        self._rows = TargetRows(tree, self.target.weights, self.dtype)

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        if not isinstance(outputs, dict) or "cosines" not in outputs:
            raise ValueError(
                "BatchContrastLoss takes the outputs {'cosines'} of a fixed classifier. "
                f"Received: {sorted(outputs) if isinstance(outputs, dict) else type(outputs)}"
            )
        cosines = outputs["cosines"]
        check_width(cosines, self.target.tree.num_classes, "Cosines", "class")
        scaled = cosines / self.temperature
        contrast = ops.transpose(ops.take(scaled, labels, axis=1))  # row i: vector of i, images j
        present = counted(outputs, labels, self.dtype)[None, :] > 0
        contrast = ops.where(present, contrast, LOWEST)
        if self.against == "frame":
            wanted = ops.take(self._rows(labels), labels, axis=1) / self.temperature
            wanted = ops.softmax(ops.where(present, wanted, LOWEST), axis=1)
            return -ops.sum(
                wanted * ops.where(present, ops.log_softmax(contrast, axis=1), 0), axis=1
            )
        if self.against == "others":
            other = ops.logical_and(labels[:, None] != labels[None, :], present)
            contrast = ops.where(other, contrast, LOWEST)
            some = ops.any(other, axis=1)
            total = ops.where(some, ops.logsumexp(contrast, axis=1), 0.0)
        else:
            total = ops.logsumexp(contrast, axis=1)
        return total - take_own(scaled, labels)

    def get_config(self) -> dict[str, Any]:
        own = {"temperature": self.temperature, "against": self.against}
        return {**super().get_config(), **self.target.get_config(), **own}
