"""What all tree metrics share: checked inputs and a streaming mean."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_scores
from keras_haframe.tree_ops.marks import example_weights, marked_labels, poisoned, split_marks
from keras_haframe.tree_ops.values import Tensor


def check_inputs(y_true: Tensor, y_pred: Tensor, num_classes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return int32 labels `[B]`, scores `[B, K]` and a bool `[B]`: what cannot be counted."""
    scores = check_scores(y_pred, num_classes)
    labels, lost = split_marks(marked_labels(y_true, scores, num_classes))
    return labels, scores, lost


def best_classes(scores: Tensor, k: int) -> Tensor:
    """Rank the `k` best classes, int32 `[B, k]`; among equal scores the lower index comes first.

    Args:
        scores: `[B, K]`, higher is better.
        k: Number of classes.
    """
    if _sorts():
        best = ops.argsort(-scores, axis=-1)[:, :k]
    else:
        best = ops.top_k(scores, k, sorted=False)[1]
    return ops.cast(best, "int32")


def ranking(scores: Tensor) -> Tensor:
    """Classes from best to worst, int32 `[B, K]`; among equal scores the lower index comes first.

    Args:
        scores: `[B, K]`, higher is better.
    """
    if _sorts():
        order = ops.argsort(-scores, axis=-1)
    else:
        order = ops.top_k(scores, scores.shape[1], sorted=True)[1]
    return ops.cast(order, "int32")


def _sorts() -> bool:
    """Whether to sort all classes, where top-k will not do.

    PyTorch's leaves open which of equals it takes. For XLA's, every device collects the whole of a
    batch that is split over devices; a sort stays where its rows are.
    """
    backend = keras.backend.backend()
    return backend == "torch" or (
        backend == "jax" and keras.distribution.distribution() is not None
    )


class TreeMetric(keras.metrics.Metric):
    """Streaming mean of one value per example over a class tree.

    Wrong labels, weights and shapes raise where values are at hand. NaN scores and, in a compiled
    step, labels out of range make the result NaN.

    A subclass gives `values(labels, scores) -> (values [B], weights [B] or None)`.

    Args:
        tree: A `ClassTree` (or its configuration).
        name: Name in logs.
    """

    def __init__(self, tree: ClassTree | dict, name: str, dtype: str | None = None):
        super().__init__(name=name, dtype="float64" if dtype == "float64" else "float32")
        self.tree = as_tree(tree)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def values(self, labels: Tensor, scores: Tensor) -> tuple[Tensor, Tensor | None]:
        """Value of every example, and the weight with which it counts."""
        raise NotImplementedError

    def check(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Any, Tensor]:
        """Labels and scores as `values` takes them, after a check, and what cannot be counted."""
        return check_inputs(y_true, y_pred, self.tree.num_classes)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Add a batch of integer labels `[B]` and class scores `[B, K]`."""
        labels, scores, lost = self.check(y_true, y_pred)
        values, weights = self.values(labels, scores)
        values = ops.cast(values, self.dtype)
        weights = ops.ones_like(values) if weights is None else ops.cast(weights, self.dtype)
        if sample_weight is not None:
            weights = weights * example_weights(sample_weight, labels, self.dtype)
        weights = poisoned(weights, lost)
        self.total.assign_add(ops.sum(values * weights))
        self.count.assign_add(ops.sum(weights))

    def result(self) -> Tensor:
        """Return the mean so far."""
        return ops.divide_no_nan(self.total, self.count)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal metric."""
        return {"name": self.name, "dtype": self.dtype, "tree": self.tree.get_config()}
