"""Predictions at every level at once: are all of them right, and do they form one path?"""

from __future__ import annotations

import functools
from typing import Any

import keras
from keras import ops

from keras_haframe.metrics.base import TreeMetric
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree.level_maps import LevelMaps
from keras_haframe.tree_ops.checks import check_width
from keras_haframe.tree_ops.marks import marked_labels, poisoned, split_marks
from keras_haframe.tree_ops.values import Tensor, number_tensor


def _level_scores(scores: Tensor, levels: LevelMaps) -> list[Tensor]:
    """Score tensors of all levels, coarsest first, after a check of their shapes."""
    if isinstance(scores, dict):
        if not set(levels.names) <= set(scores):
            raise ValueError(
                f"A dictionary of scores must hold the logits of every level, {levels.names}. "
                f"Received: {sorted(scores)}"
            )
        scores = [scores[name] for name in levels.names]
    if not isinstance(scores, (list, tuple)) or len(scores) != len(levels):
        got = f"{len(scores)} of them" if isinstance(scores, (list, tuple)) else type(scores)
        raise ValueError(
            f"Scores must be a list of {len(levels)} tensors, one per level, coarsest first, or "
            f"the dictionary of logits of a model with one head per level. Received: {got}"
        )
    names = [f"Scores of level {level}" for level in range(1, len(scores) + 1)]
    scores = [number_tensor(s, name) for s, name in zip(scores, names)]
    for s, size, name in zip(scores, levels.sizes, names):
        check_width(s, size, name, "node of the level")
    return scores


def _answers(scores: list[Tensor]) -> Tensor:
    """Best node of every level, int32 `[B, H]`, coarsest first."""
    best = [ops.argmax(s, axis=-1) for s in scores]
    return ops.cast(ops.stack(best, axis=1), "int32")


def _agree(answers: Tensor, classes: Tensor, levels: LevelMaps) -> Tensor:
    """1 where the answers of all levels are the given classes and their ancestors, else 0."""
    equal = ops.take(ops.convert_to_tensor(levels.labels), classes, axis=0) == answers
    return ops.cast(ops.all(equal, axis=-1), "float32")


def full_path_accuracy(y_true: Tensor, y_pred: Tensor, tree: ClassTree | dict) -> Tensor:
    """Whether the best node of every level is the label's, per example.

    Args:
        y_true: Integer labels `[B]`.
        y_pred: Scores of every level: a list of `[B, n]` tensors, level 1 (children of the root)
            first and the classes last, columns as numbered by `ClassTree.level_labels()` (what
            `decisions.level_probabilities` returns), or the output dictionary of a model with one
            head per level.
        tree: A `ClassTree`.

    Returns:
        Float32 tensor `[B]` of zeros and ones.

    Raises:
        ValueError: If levels are missing or shapes do not fit.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> parents, classes = [[5, 3], [3, 5]], [[9, 1, 1, 1], [9, 1, 1, 1]]
    >>> [float(v) for v in full_path_accuracy([0, 0], [parents, classes], tree)]
    [1.0, 0.0]

    The second row says car, but air.

    Reference: Park et al., Visually Consistent Hierarchical Image Classification (ICLR 2025).
    """
    tree = as_tree(tree)
    levels = LevelMaps(tree)
    scores = _level_scores(y_pred, levels)
    labels, lost = split_marks(marked_labels(y_true, scores, tree.num_classes))
    return poisoned(_agree(_answers(scores), labels, levels), lost)


def tree_inconsistency(y_pred: Tensor, tree: ClassTree | dict) -> Tensor:
    """Whether the best nodes of the levels are not on one path, per example.

    The labels play no part: answers may be consistent and wrong.

    Args:
        y_pred: Scores of every level, see `full_path_accuracy`.
        tree: A `ClassTree`.

    Returns:
        Float32 tensor `[B]` of zeros and ones.

    Raises:
        ValueError: If levels are missing or shapes do not fit.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> parents, classes = [[5, 3], [3, 5]], [[9, 1, 1, 1], [9, 1, 1, 1]]
    >>> [float(v) for v in tree_inconsistency([parents, classes], tree)]
    [0.0, 1.0]

    Reference: Park et al., Visually Consistent Hierarchical Image Classification (ICLR 2025).
    """
    tree = as_tree(tree)
    levels = LevelMaps(tree)
    scores = _level_scores(y_pred, levels)
    answers = _answers(scores)
    labels, lost = split_marks(marked_labels(answers[:, -1], scores, tree.num_classes))
    return poisoned(1.0 - _agree(answers, labels, levels), lost)


class _LevelsMetric(TreeMetric):
    """Streaming mean of a value per example that is read off scores of all levels."""

    @functools.cached_property
    def _levels(self) -> LevelMaps:
        return LevelMaps(self.tree)

    def check(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Any, Tensor]:
        """Labels `[B]`, scores of all levels, and what cannot be counted."""
        scores = _level_scores(y_pred, self._levels)
        labels, lost = split_marks(marked_labels(y_true, scores, self.tree.num_classes))
        return labels, scores, lost


@keras.saving.register_keras_serializable(package="keras_haframe")
class FullPathAccuracy(_LevelsMetric):
    """Streaming share of the examples with every level right (FPA, higher is better).

    For models with one head per level, whose output dictionary it takes as it is; other models
    give their scores per level by `decisions.level_probabilities`.

    Args:
        tree: A `ClassTree`.
        name: Name in logs.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> metric = FullPathAccuracy(tree)
    >>> metric.update_state([0, 0], [[[5, 3], [3, 5]], [[9, 1, 1, 1], [9, 1, 1, 1]]])
    >>> float(metric.result())
    0.5

    Reference: Park et al., Visually Consistent Hierarchical Image Classification (ICLR 2025).
    """

    def __init__(
        self, tree: ClassTree | dict, *, name: str = "full_path_accuracy", dtype: str | None = None
    ):
        super().__init__(tree, name, dtype)
        self._direction = "up"

    def values(self, labels: Tensor, scores: Tensor) -> tuple[Tensor, Tensor | None]:
        """Whether every level is right."""
        return _agree(_answers(scores), labels, self._levels), None


@keras.saving.register_keras_serializable(package="keras_haframe")
class TreeInconsistency(_LevelsMetric):
    """Streaming share of the examples whose answers contradict the tree (TICE, lower is better).

    The same for any labels; arguments as of `FullPathAccuracy`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> metric = TreeInconsistency(tree)
    >>> parents, classes = [[5, 3], [3, 5]], [[9, 1, 1, 1], [1, 1, 9, 1]]
    >>> metric.update_state([0, 0], [parents, classes])  # the second is a jet: wrong, yet one path
    >>> float(metric.result())
    0.0

    Reference: Park et al., Visually Consistent Hierarchical Image Classification (ICLR 2025).
    """

    def __init__(
        self, tree: ClassTree | dict, *, name: str = "tree_inconsistency", dtype: str | None = None
    ):
        super().__init__(tree, name, dtype)
        self._direction = "down"

    def values(self, labels: Tensor, scores: Tensor) -> tuple[Tensor, Tensor | None]:
        """Whether the answers contradict the tree."""
        answers = _answers(scores)
        return 1.0 - _agree(answers, answers[:, -1], self._levels), None
