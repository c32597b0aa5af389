"""Accuracy at a level of the tree."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_haframe.metrics.base import TreeMetric, check_inputs
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.marks import poisoned
from keras_haframe.tree_ops.options import check_level
from keras_haframe.tree_ops.values import Tensor


def _level_table(tree: ClassTree, level: int) -> np.ndarray:
    """Node of every class at a level, int32 `[K]`."""
    return tree.level_labels()[:, -check_level(level, tree.height)].astype(np.int32)


def _hits(table: np.ndarray, labels: Tensor, scores: Tensor) -> Tensor:
    table = ops.convert_to_tensor(table)
    best = ops.argmax(scores, axis=-1)
    return ops.cast(ops.take(table, labels, axis=0) == ops.take(table, best, axis=0), "float32")


def level_accuracy(
    y_true: Tensor, y_pred: Tensor, tree: ClassTree | dict, level: int = -1
) -> Tensor:
    """Whether the best class lies below the same node as the label at a level, per example.

    Args:
        y_true: Integer labels `[B]`.
        y_pred: Class scores `[B, K]`, higher is better.
        tree: A `ClassTree`.
        level: Depth of the level, from 1 (children of the root) to `tree.height` (classes), or -1
            for the classes, -2 for their parents and so on. A class shallower than the level
            stands for itself.

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
    labels, scores, lost = check_inputs(y_true, y_pred, tree.num_classes)
    return poisoned(_hits(_level_table(tree, level), labels, scores), lost)


@keras.saving.register_keras_serializable(package="keras_haframe")
class LevelAccuracy(TreeMetric):
    """Streaming accuracy at a level of the tree (higher is better).

    Args:
        tree: A `ClassTree`.
        level: Depth of the level, from 1 (children of the root) to `tree.height` (classes, top-1),
            or -1 for the classes, -2 for their parents and so on.
        name: Name in logs; `level_{level}_accuracy` by default, with the depth as the level.

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
        level = check_level(level, tree.height)
        super().__init__(tree, name or f"level_{level}_accuracy", dtype)
        self._direction = "up"
        self.level = level
        self._table = _level_table(tree, level)

    def values(self, labels: Tensor, scores: Tensor) -> tuple[Tensor, Tensor | None]:
        """Whether label and prediction lie below one node of the level."""
        return _hits(self._table, labels, scores), None

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal metric."""
        return {**super().get_config(), "level": self.level}
