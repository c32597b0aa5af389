"""Softmax cross-entropy of integer labels."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.losses.classifier_loss import ClassifierLoss
from keras_haframe.losses.label_loss import take_own
from keras_haframe.tree_ops.values import Outputs, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class CrossEntropy(ClassifierLoss):
    """Softmax cross-entropy of logits: `logsumexp(z) - z_y`, mean over the batch.

    Takes logits `[B, K]`, or a dictionary of outputs that holds them under `"logits"`. With label
    smoothing e the target is `1 - e + e / K` at the label and `e / K` elsewhere:
    `logsumexp(z) - (1 - e) z_y - e mean(z)`.

    Args:
        label_smoothing: Weight e of all classes alike, from 0 (the default) to below 1.
        class_block: For very many classes: how many at a time, exactly, in memory of batch x
            block instead of batch x classes; `None` for all by their logits. The outputs must then
            hold `"features"`, and the attribute `classifier` the layer (a model sets it).
        negatives: In training, estimate the loss from the label and so many classes drawn for each
            example, all alike; `None` for all classes. Evaluation always takes all.
        name: Name of the loss.
        reduction: Keras reduction over the batch.
        dtype: `"float32"` or `"float64"`.

    Raises:
        ValueError: If `label_smoothing` is out of range, or comes with `class_block` or
            `negatives`.

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
        class_block: int | None = None,
        negatives: int | None = None,
    ):
        super().__init__(name, reduction, dtype, class_block, negatives)
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                "`label_smoothing` must be from 0 to below 1. "
                f"Received: label_smoothing={label_smoothing}"
            )
        if label_smoothing and self.by_features:
            raise ValueError(
                "`label_smoothing` needs the logits of all classes. Received: "
                f"label_smoothing={label_smoothing}, class_block={class_block}, "
                f"negatives={negatives}. Leave it or the others out."
            )
        self.label_smoothing = label_smoothing

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        if self.by_features:
            return self.terms(labels, outputs)[0]
        logits = outputs["logits"] if isinstance(outputs, dict) else outputs
        plain = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        if not self.label_smoothing:
            return plain
        toward_all = take_own(logits, labels) - ops.mean(logits, axis=-1)
        return plain + self.label_smoothing * toward_all

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
