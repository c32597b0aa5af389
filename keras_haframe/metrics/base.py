"""What all tree metrics share: checked inputs and a streaming mean."""

from __future__ import annotations

import keras
from keras import ops

from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_label_shape, check_scores


def check_inputs(y_true, y_pred, num_classes: int):
    """Return int32 labels `[B]` and float scores `[B, K]` after checking their shapes."""
    y_pred = check_scores(y_pred, num_classes)
    y_true = ops.convert_to_tensor(y_true)
    check_label_shape(y_true.shape, num_classes)
    return ops.cast(y_true, "int32"), y_pred


class TreeMetric(keras.metrics.Metric):
    """Streaming mean of one value per example over a class tree.

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

    def values(self, labels, scores):
        """Value of every example, and the weight with which it counts."""
        raise NotImplementedError

    def check(self, y_true, y_pred):
        """Labels and scores as `values` takes them, after a check of their shapes."""
        return check_inputs(y_true, y_pred, self.tree.num_classes)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch of integer labels `[B]` and class scores `[B, K]`."""
        labels, scores = self.check(y_true, y_pred)
        values, weights = self.values(labels, scores)
        values = ops.cast(values, self.dtype)
        weights = ops.ones_like(values) if weights is None else ops.cast(weights, self.dtype)
        if sample_weight is not None:
            weights = weights * ops.reshape(ops.cast(sample_weight, self.dtype), (-1,))
        self.total.assign_add(ops.sum(values * weights))
        self.count.assign_add(ops.sum(weights))

    def result(self):
        return ops.divide_no_nan(self.total, self.count)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, "tree": self.tree.get_config()}
