"""Softmax cross-entropy of integer labels."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.losses.label_loss import LabelLoss, take_own
from keras_haframe.tree_ops.values import Outputs, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class CrossEntropy(LabelLoss):
    """Softmax cross-entropy of logits: `logsumexp(z) - z_y`, mean over the batch.

    Takes logits `[B, K]`, or a dictionary of outputs that holds them under `"logits"`. With label
    smoothing e the target is `1 - e + e / K` at the label and `e / K` elsewhere:
    `logsumexp(z) - (1 - e) z_y - e mean(z)`.

    Args:
        label_smoothing: Weight e of all classes alike, from 0 (the default) to below 1.
        name: Name of the loss.
        reduction: Keras reduction over the batch.
        dtype: `"float32"` or `"float64"`.

    Raises:
        ValueError: If `label_smoothing` is out of range.

    Example:

    >>> float(CrossEntropy()([0], keras.ops.zeros((1, 4)))).__round__(4)
    1.3863

    Reference: label smoothing, Szegedy et al., Rethinking the Inception Architecture (CVPR 2016).
    """

    by_class = "logits"

    def __init__(
        self,
        label_smoothing: float = 0.0,
        name: str = "cross_entropy",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(name, reduction, dtype)
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                "`label_smoothing` must be from 0 to below 1. "
                f"Received: label_smoothing={label_smoothing}"
            )
        self.label_smoothing = label_smoothing

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        logits = outputs["logits"] if isinstance(outputs, dict) else outputs
        plain = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        if not self.label_smoothing:
            return plain
        toward_all = take_own(logits, labels) - ops.mean(logits, axis=-1)
        return plain + self.label_smoothing * toward_all

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
