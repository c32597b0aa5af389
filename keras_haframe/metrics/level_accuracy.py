"""Accuracy at a level of the tree."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from keras_haframe.metrics.base import TreeMetric, check_inputs
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_level


def _level_table(tree: ClassTree, level: int) -> np.ndarray:
    return tree.level_labels()[:, -level].astype(np.int32)


def _hits(table, labels, scores):
    table = ops.convert_to_tensor(table)
    best = ops.argmax(scores, axis=-1)
    return ops.cast(ops.take(table, labels, axis=0) == ops.take(table, best, axis=0), "float32")


def level_accuracy(y_true, y_pred, tree: ClassTree | dict, level: int = -1):
    """Whether the best class lies below the same node as the label at a level, per example.

    Args:
        y_true: Integer labels `[B]`.
        y_pred: Class scores `[B, K]`, higher is better.
        tree: A `ClassTree`.
        level: Depth, 1 for the children of the root, or counted from the classes: -1 for them, -2
            for their parents.

    Returns:
        Float32 tensor `[B]` of zeros and ones.

    Raises:
        ValueError: If the tree has no such level, or the shapes do not fit.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> float(level_accuracy([0], [[3, 4, 2, 1]], tree, level=1)[0])  # a truck, but on land
    1.0
    """
    tree = as_tree(tree)
    labels, scores = check_inputs(y_true, y_pred, tree.num_classes)
    return _hits(_level_table(tree, check_level(level, tree.height)), labels, scores)


@keras.saving.register_keras_serializable(package="keras_haframe")
class LevelAccuracy(TreeMetric):
    """Streaming accuracy at a level of the tree (higher is better).

    Args:
        tree: A `ClassTree`.
        level: Depth, 1 for the children of the root, or counted from the classes: -1 for them, -2
            for their parents.
        name: Name in logs; `level_{level}_accuracy` by default, with the level as a depth.

    Raises:
        ValueError: If the tree has no such level.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> metric = LevelAccuracy(tree, level=1)
    >>> metric.update_state([0, 0], [[3, 4, 2, 1], [1, 2, 3, 4]])
    >>> float(metric.result())
    0.5
    """

    def __init__(
        self,
        tree: ClassTree | dict,
        level: int = -1,
        *,
        name: str | None = None,
        dtype: str | None = None,
    ):
        tree = as_tree(tree)
        self.level = check_level(level, tree.height)
        super().__init__(tree, name or f"level_{self.level}_accuracy", dtype)
        self._direction = "up"
        self._table = _level_table(self.tree, self.level)

    def values(self, labels, scores):
        return _hits(self._table, labels, scores), None

    def get_config(self):
        return {**super().get_config(), "level": self.level}
