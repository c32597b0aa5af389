"""Softmax cross-entropy of integer labels."""

from __future__ import annotations

import keras

from keras_haframe.losses.label_loss import LabelLoss
from keras_haframe.tree_ops.values import Outputs, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class CrossEntropy(LabelLoss):
    """Softmax cross-entropy of logits: `logsumexp(z) - z_y`, mean over the batch.

    Takes logits `[B, K]`, or a dictionary of outputs that holds them under `"logits"`.

    Example:

    >>> float(CrossEntropy()([0], keras.ops.zeros((1, 4)))).__round__(4)
    1.3863
    """

    def __init__(
        self,
        name: str = "cross_entropy",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(name, reduction, dtype)

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        logits = outputs["logits"] if isinstance(outputs, dict) else outputs
        return keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
