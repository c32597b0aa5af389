"""Dot-regression: pull features to a fixed class vector, push from none."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from keras_haframe.layers.fixed_classifier import NORM_EPSILON
from keras_haframe.losses.base import LabelLoss, take_own
from keras_haframe.tree_ops.checks import non_negative


def class_lengths(counts) -> np.ndarray:
    """Lengths `e_k = sqrt((n / K) / n_k)` of class vectors that even out class counts.

    Args:
        counts: Training examples `n_k` of every class, `[K]`, positive.

    Returns:
        float64 `[K]`; `n_k e_k^2` is the same for all classes, and 1 on average over examples.

    Raises:
        ValueError: If a count is not positive.

    Example:

    >>> class_lengths([400, 100]).round(4)
    array([0.7906, 1.5811])

    Reference: Yang et al., Inducing Neural Collapse in Imbalanced Learning (NeurIPS 2022), released
    code.
    """
    counts = np.asarray(counts, np.float64)
    if counts.ndim != 1 or not (np.isfinite(counts).all() and (counts > 0).all()):
        raise ValueError(
            f"`counts` must be positive numbers of shape [K], one per class. Received: {counts}"
        )
    return np.sqrt(counts.mean() / counts)


@keras.saving.register_keras_serializable(package="keras_haframe")
class DotRegression(LabelLoss):
    """Dot-regression `1/2 (e w_y'h - e |h|)^2 / |h|`, with `|h|` taken as a constant.

    `w_y` is the fixed unit vector of the class and `e` its length. The gradient,
    `e^2 (w_y'h - |h|) / |h| w_y`, points along `w_y` alone. Where features are L2-normalised the
    loss is `1/2 e^2 (cos(w_y, h) - 1)^2`.

    Args:
        lengths: `"batch"` (the released code): `e_k = sqrt((B / U) / n_k)` with `n_k` the examples
            of class k in the batch and U its number of distinct classes, which weighs classes
            evenly within the batch. Or K numbers, for example `class_lengths(counts)`; or `None`
            for 1. Lengths act in training steps only (see `LabelLoss.training`).
        reg_lam: Weight of the mean feature norm, added to the loss.
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

    def __init__(
        self,
        lengths="batch",
        reg_lam: float = 0.0,
        name="dot_regression",
        reduction="sum_over_batch_size",
        dtype=None,
    ):
        super().__init__(name, reduction, dtype)
        self.lengths = check_lengths(lengths)
        self.reg_lam = non_negative("reg_lam", reg_lam)

    def loss(self, labels, outputs):
        return self._loss(labels, outputs, labels)

    def mixup_loss(self, labels, other_labels, lam: float, outputs):
        """Loss per example of features of mixed images.

        Args:
            labels, other_labels: Integer labels `[B]` of the two images of each mixture; the class
                lengths are those of `labels`.
            lam: Share of the first image.
            outputs: As of `loss`.

        Returns:
            `[B]`, `lam` times the loss for `labels` plus `1 - lam` times that for `other_labels`.
        """
        return lam * self._loss(labels, outputs, labels) + (1 - lam) * self._loss(
            other_labels, outputs, labels
        )

    def squared_lengths(self, labels, batch):
        """`e^2` of `labels` `[B]` in a batch of examples with labels `batch` `[B]`."""
        if self.lengths is None or not self.training:
            return ops.ones(ops.shape(labels), self.dtype)
        if self.lengths != "batch":
            table = ops.convert_to_tensor(self.lengths, dtype=self.dtype)
            return ops.square(ops.take(table, labels, axis=0))

        def examples_of(labels):
            same = ops.cast(labels[:, None] == batch[None, :], self.dtype)
            return ops.sum(same, axis=-1)

        # Every class of the batch adds n_k times 1 / n_k: the sum counts the distinct classes.
        per_class = 1 / ops.mean(1 / examples_of(batch))
        n = examples_of(labels)
        return ops.where(n > 0, per_class / ops.maximum(n, 1), ops.ones_like(n))

    def _loss(self, labels, outputs, batch):
        norm = feature_norm(outputs)
        constant = ops.stop_gradient(ops.maximum(norm, NORM_EPSILON))
        own = take_own(outputs["logits"], labels)
        error = ops.square(own - constant) / (2 * constant)
        return self.squared_lengths(labels, batch) * error + self.reg_lam * norm

    def get_config(self):
        return {**super().get_config(), "lengths": self.lengths, "reg_lam": self.reg_lam}


def check_lengths(lengths):
    """Return `lengths` as `"batch"`, `None` or a list of positive floats."""
    if lengths is None or (isinstance(lengths, str) and lengths == "batch"):
        return lengths
    values = None if isinstance(lengths, str) else np.asarray(lengths, np.float64)
    if values is None or values.ndim != 1 or not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(
            "Class lengths must be 'batch', None or one positive number per class, as "
            f"losses.class_lengths(counts) gives. Received: {lengths!r}"
        )
    return values.tolist()


def feature_norm(outputs):
    """Norm `[B]` of the features behind a fixed classifier's outputs, with a gradient."""

    def norm(x):
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
