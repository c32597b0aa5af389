"""Dot-regression: pull features to a fixed class vector, push from none."""

from __future__ import annotations

import keras
from keras import ops

from keras_haframe.layers.fixed_classifier import NORM_EPSILON
from keras_haframe.losses.class_length_loss import ClassLengthLoss
from keras_haframe.losses.label_loss import take_own
from keras_haframe.tree_ops.options import non_negative
from keras_haframe.tree_ops.values import Outputs, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class DotRegression(ClassLengthLoss):
    """Dot-regression `1/2 (e w_y'h - e |h|)^2 / |h|`, with `|h|` taken as a constant.

    `w_y` is the fixed unit vector of the class and `e` its length. The gradient,
    `e^2 (w_y'h - |h|) / |h| w_y`, points along `w_y` alone. Where features are L2-normalized the
    loss is `1/2 e^2 (cos(w_y, h) - 1)^2`.

    Args:
        lengths: Class lengths. `"batch"` (the released code): `e_k = sqrt((B / U) / n_k)` with
            `n_k` the examples of class k in the batch and U its number of distinct classes, which
            weighs classes evenly within the batch. Or K numbers, for example
            `class_lengths(counts)`; or `None` for 1. They act in training only: evaluation
            measures the loss without them.
        reg_lam: Weight of the mean feature norm, added to the loss (paper: 0.01 for ImageNet-LT,
            else 0).
        reduction: Keras reduction over the batch.

    Call arguments: integer labels `[B]` and outputs `{"logits", "features"}` of a head with fixed
    unit vectors; `{"logits", "cosines"}` will do, their ratio being the feature norm.

    Under a distribution strategy the batch is that of one replica.

    Example:

    >>> outputs = {"logits": keras.ops.eye(2), "features": keras.ops.eye(2)}
    >>> float(DotRegression()([0, 1], outputs)), float(DotRegression()([1, 0], outputs))
    (0.0, 0.5)

    Reference: Yang et al., Inducing Neural Collapse in Imbalanced Learning (NeurIPS 2022), eq. of
    the DR loss; class lengths, released code.
    """

    by_class = "logits"

    def __init__(
        self,
        lengths: str | list[float] | None = "batch",
        *,
        reg_lam: float = 0.0,
        name: str = "dot_regression",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(lengths, name, reduction, dtype)
        self.reg_lam = non_negative("reg_lam", reg_lam)

    def weighted(self, labels: Tensor, outputs: Outputs, batch: Tensor) -> Tensor:
        norm = feature_norm(outputs)
        constant = ops.stop_gradient(ops.maximum(norm, NORM_EPSILON))
        own = take_own(outputs["logits"], labels)
        error = ops.square(own - constant) / (2 * constant)
        return self.squared_lengths(labels, batch) * error + self.reg_lam * norm

    def get_config(self) -> dict:
        return {**super().get_config(), "reg_lam": self.reg_lam}


def feature_norm(outputs: Outputs) -> Tensor:
    """Norm `[B]` of the features behind a fixed classifier's outputs, with a gradient."""

    def norm(x: Tensor) -> Tensor:
        return ops.sqrt(ops.maximum(ops.sum(x * x, axis=-1), NORM_EPSILON**2))

    known = set(outputs) if isinstance(outputs, dict) else set()
    if {"logits", "features"} <= known:
        return norm(outputs["features"])
    if {"logits", "cosines"} <= known:
        return norm(outputs["logits"]) / norm(outputs["cosines"])
    raise ValueError(
        "DotRegression takes outputs {'logits', 'features'} or {'logits', 'cosines'} of a head "
        f"with fixed unit vectors. Received: {sorted(known) or type(outputs).__name__}"
    )
