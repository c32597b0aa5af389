"""Class lengths: what evens out rare and frequent classes in losses of fixed class vectors."""

from __future__ import annotations

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from keras_haframe.losses.label_loss import LabelLoss
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.values import Outputs, Tensor


def class_lengths(counts: ArrayLike) -> np.ndarray:
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


def check_lengths(lengths: str | ArrayLike | None) -> str | list[float] | None:
    """Return `lengths` as `"batch"`, `None` or a list of positive floats."""
    if lengths is None or (isinstance(lengths, str) and lengths == "batch"):
        return lengths
    array = np.asarray(lengths)
    values = array.astype(np.float64) if array.dtype.kind in "iuf" else None
    if values is None or values.ndim != 1 or not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(
            "Class lengths must be 'batch', None or one positive number per class, as "
            f"losses.class_lengths(counts) gives. Received: {lengths!r}"
        )
    return values.tolist()


def check_one_per_class(lengths: str | list[float] | None, tree: ClassTree) -> None:
    """Raise unless a list of class lengths has one per class of the tree."""
    if isinstance(lengths, list) and len(lengths) != tree.num_classes:
        raise ValueError(
            f"`lengths` must hold one number per class, {tree.num_classes}. "
            f"Received: {len(lengths)}"
        )


class ClassLengthLoss(LabelLoss):
    """Base class of losses whose class vectors have lengths, in training.

    A subclass gives `weighted(labels, outputs, batch)`, the loss `[B]` of `labels` in a batch of
    examples with labels `batch`, and takes the square of the lengths from `squared_lengths`.

    Args:
        lengths: `"batch"`, K numbers or `None`, see `DotRegression`. They act in training only:
            evaluation measures the loss without them.
        reduction: Keras reduction over the batch.

    Under a distribution strategy the batch is that of one replica.
    """

    def __init__(
        self,
        lengths: str | ArrayLike | None,
        name: str,
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(name, reduction, dtype)
        self.lengths = check_lengths(lengths)

    def evaluation_form(self) -> LabelLoss:
        """Return the loss without class lengths."""
        return type(self).from_config({**self.get_config(), "lengths": None})

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        return self.weighted(labels, outputs, labels)

    def weighted(self, labels: Tensor, outputs: Outputs, batch: Tensor) -> Tensor:
        """Loss `[B]` of `labels`, with the class lengths of a batch of `batch` labels."""
        raise NotImplementedError

    def mixup_loss(
        self, labels: Tensor, other_labels: Tensor, lam: float, outputs: Outputs
    ) -> Tensor:
        """Loss per example of features of mixed images.

        Args:
            labels: Integer labels `[B]` of the first image of each mixture; the class lengths are
                theirs.
            other_labels: Integer labels `[B]` of the second image.
            lam: Share of the first image.
            outputs: As of `loss`.

        Returns:
            `[B]`, `lam` times the loss for `labels` plus `1 - lam` times that for `other_labels`.
        """
        return lam * self.weighted(labels, outputs, labels) + (1 - lam) * self.weighted(
            other_labels, outputs, labels
        )

    def squared_lengths(self, labels: Tensor, batch: Tensor) -> Tensor:
        """`e^2` of `labels` `[B]` in a batch of examples with labels `batch` `[B]`."""
        if self.lengths is None:
            return ops.ones(ops.shape(labels), self.dtype)
        if self.lengths != "batch":
            table = ops.convert_to_tensor(self.lengths, dtype=self.dtype)
            return ops.square(ops.take(table, labels, axis=0))

        def examples_of(labels: Tensor) -> Tensor:
            same = ops.cast(labels[:, None] == batch[None, :], self.dtype)
            return ops.sum(same, axis=-1)

        # Every class of the batch adds n_k times 1 / n_k: the sum counts the distinct classes.
        per_class = 1 / ops.mean(1 / examples_of(batch))
        n = examples_of(labels)
        return ops.where(n > 0, per_class / ops.maximum(n, 1), ops.ones_like(n))

    def get_config(self) -> dict:
        return {**super().get_config(), "lengths": self.lengths}
