"""Dot-regression on the cosines of any frame, with an optional share of cross-entropy."""

from __future__ import annotations

import keras
from keras import ops

from keras_haframe.losses.base import take_own
from keras_haframe.losses.cross_entropy import CrossEntropy
from keras_haframe.losses.dot_regression import DotRegression
from keras_haframe.tree_ops.checks import non_negative


@keras.saving.register_keras_serializable(package="keras_haframe")
class FrameDotRegression(DotRegression):
    """`1/2 e^2 (w_y'x/|x| - 1)^2 + cross_entropy * CE(logits)`.

    The first term is zero exactly where the features point along the vector of their class, for
    any set of fixed unit vectors; cross-entropy has that optimum on a simplex ETF alone.

    Args:
        lengths: `None` for plain examples (the default), or see `DotRegression`.
        cross_entropy: Weight of the cross-entropy, not negative.
        reduction: Keras reduction over the batch.

    Call arguments: integer labels `[B]` and the outputs `{"logits", "cosines"}` of a
    `FrameClassifier` or `ETFClassifier`.

    Reference: ours; the term for an ETF is Yang et al. (NeurIPS 2022).
    """

    def __init__(
        self,
        lengths=None,
        cross_entropy: float = 0.0,
        name="frame_dot_regression",
        reduction="sum_over_batch_size",
        dtype=None,
    ):
        super().__init__(lengths, 0.0, name, reduction, dtype)
        self.cross_entropy = non_negative("cross_entropy", cross_entropy)
        self._entropy = CrossEntropy(dtype=dtype)

    def _loss(self, labels, outputs, batch):
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

    def get_config(self):
        config = {**super().get_config(), "cross_entropy": self.cross_entropy}
        del config["reg_lam"]
        return config
