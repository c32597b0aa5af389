"""Dot-regression on the cosines of any frame, with an optional share of cross-entropy."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.losses.class_length_loss import ClassLengthLoss
from keras_haframe.losses.cross_entropy import CrossEntropy
from keras_haframe.losses.label_loss import take_own
from keras_haframe.tree_ops.options import non_negative
from keras_haframe.tree_ops.values import Outputs, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class FrameDotRegression(ClassLengthLoss):
    """`1/2 e^2 (w_y'x/|x| - 1)^2 + cross_entropy * CE(logits)`.

    The first term is zero exactly where the features point along the vector of their class, for
    any set of fixed unit vectors; cross-entropy has that optimum on a simplex ETF alone.

    Args:
        lengths: Class lengths in training, for long-tailed data: `None` (the default), `"batch"` or
            K numbers, see `losses.DotRegression`.
        cross_entropy: Weight of the cross-entropy, not negative; it trains the feature norms, which
            dot-regression leaves free, and so the confidence of the softmax.
        reduction: Keras reduction over the batch.

    Call arguments: integer labels `[B]` and the outputs `{"logits", "cosines"}` of a
    `FrameClassifier` or `ETFClassifier`.

    Reference: ours; the term for an ETF is Yang et al. (NeurIPS 2022).
    """

    by_class = "cosines"

    def __init__(
        self,
        lengths: str | list[float] | None = None,
        *,
        cross_entropy: float = 0.0,
        name: str = "frame_dot_regression",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(lengths, name, reduction, dtype)
        self.cross_entropy = non_negative("cross_entropy", cross_entropy)
        self._entropy = CrossEntropy(dtype=dtype)

    def weighted(self, labels: Tensor, outputs: Outputs, batch: Tensor) -> Tensor:
        if not isinstance(outputs, dict) or not {"logits", "cosines"} <= set(outputs):
            raise ValueError(
                "FrameDotRegression takes the outputs {'logits', 'cosines'} of a fixed classifier. "
                f"Received: {sorted(outputs) if isinstance(outputs, dict) else type(outputs)}"
            )
        error = 0.5 * ops.square(take_own(outputs["cosines"], labels) - 1)
        loss = self.squared_lengths(labels, batch) * error
        if self.cross_entropy:
            loss = loss + self.cross_entropy * self._entropy.loss(labels, outputs)
        return loss

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cross_entropy": self.cross_entropy}
