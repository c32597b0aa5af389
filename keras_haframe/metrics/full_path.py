"""Predictions at every level at once: are all of them right, and do they form one path?"""

from __future__ import annotations

import keras
from keras import ops

from keras_haframe.metrics.base import TreeMetric
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree.level_maps import LevelMaps
from keras_haframe.tree_ops.checks import check_label_shape


def _level_scores(scores, tree: ClassTree) -> list:
    """Score tensors of all levels, coarsest first, after a check of their shapes."""
    levels = LevelMaps(tree)
    if isinstance(scores, dict):
        names = levels.names
        if not set(names) <= set(scores):
            raise ValueError(
                f"A dictionary of scores must hold the logits of every level, {names}. "
                f"Received: {sorted(scores)}"
            )
        scores = [scores[name] for name in names]
    sizes = levels.sizes
    if not isinstance(scores, (list, tuple)) or len(scores) != len(sizes):
        got = f"{len(scores)} of them" if isinstance(scores, (list, tuple)) else type(scores)
        raise ValueError(
            f"Scores must be a list of {len(sizes)} tensors, one per level, coarsest first, or the "
            f"dictionary of logits of a model with one head per level. Received: {got}"
        )
    scores = [ops.convert_to_tensor(s) for s in scores]
    for level, (s, size) in enumerate(zip(scores, sizes), start=1):
        if len(s.shape) != 2 or s.shape[-1] != size:
            raise ValueError(
                f"Scores of level {level} must have shape [batch, {size}], one per node of the "
                f"level. Received shape: {tuple(s.shape)}"
            )
    return scores


def _answers(scores, tree: ClassTree):
    """Best node of every level, int32 `[B, H]`, coarsest first."""
    best = [ops.argmax(s, axis=-1) for s in _level_scores(scores, tree)]
    return ops.cast(ops.stack(best, axis=1), "int32")


def _agree(answers, classes, tree: ClassTree):
    """1 where the answers of all levels are the given classes and their ancestors, else 0."""
    table = ops.convert_to_tensor(LevelMaps(tree).labels)
    equal = ops.take(table, classes, axis=0) == answers
    return ops.cast(ops.all(equal, axis=-1), "float32")


def full_path_accuracy(y_true, y_pred, tree):
    """Whether the best node of every level is the label's, per example.

    Args:
        y_true: Integer labels `[B]`.
        y_pred: Scores of every level: a list of `[B, n]` tensors, coarsest level first, columns
            numbered as in `ClassTree.level_labels()` (what `decisions.level_probabilities` gives),
            or the output dictionary of a model with one head per level.
        tree: A `ClassTree`.

    Returns:
        Float32 tensor `[B]` of zeros and ones.

    Raises:
        ValueError: If levels are missing or shapes do not fit.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> classes, parents = [[9, 1, 1, 1], [9, 1, 1, 1]], [[5, 3], [3, 5]]
    >>> [float(v) for v in full_path_accuracy([0, 0], [parents, classes], tree)]
    [1.0, 0.0]

    The second row says car, but air.

    Reference: Park et al., Visually Consistent Hierarchical Image Classification (ICLR 2025).
    """
    tree = as_tree(tree)
    labels = ops.convert_to_tensor(y_true)
    check_label_shape(labels.shape, tree.num_classes)
    return _agree(_answers(y_pred, tree), ops.cast(labels, "int32"), tree)


def tree_inconsistency(y_pred, tree):
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
    >>> classes, parents = [[9, 1, 1, 1], [9, 1, 1, 1]], [[5, 3], [3, 5]]
    >>> [float(v) for v in tree_inconsistency([parents, classes], tree)]
    [0.0, 1.0]

    Reference: Park et al., Visually Consistent Hierarchical Image Classification (ICLR 2025).
    """
    tree = as_tree(tree)
    answers = _answers(y_pred, tree)
    return 1.0 - _agree(answers, answers[:, -1], tree)


class _LevelsMetric(TreeMetric):
    """Streaming mean of a value per example that is read off scores of all levels."""

    def check(self, y_true, y_pred):
        """Labels `[B]` after a check of their shape; scores are checked where they are read."""
        labels = ops.convert_to_tensor(y_true)
        check_label_shape(labels.shape, self.tree.num_classes)
        return labels, y_pred


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

    def __init__(self, tree, name: str = "full_path_accuracy", dtype=None):
        super().__init__(tree, name, dtype)
        self._direction = "up"

    def values(self, labels, scores):
        return full_path_accuracy(labels, scores, self.tree), None


@keras.saving.register_keras_serializable(package="keras_haframe")
class TreeInconsistency(_LevelsMetric):
    """Streaming share of the examples whose answers contradict the tree (TICE, lower is better).

    The same for any labels; arguments as of `FullPathAccuracy`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> metric = TreeInconsistency(tree)
    >>> classes, parents = [[9, 1, 1, 1], [1, 1, 9, 1]], [[5, 3], [3, 5]]
    >>> metric.update_state([0, 0], [parents, classes])  # the second is a jet: wrong, yet one path
    >>> float(metric.result())
    0.0

    Reference: Park et al., Visually Consistent Hierarchical Image Classification (ICLR 2025).
    """

    def __init__(self, tree, name: str = "tree_inconsistency", dtype=None):
        super().__init__(tree, name, dtype)
        self._direction = "down"

    def values(self, labels, scores):
        return tree_inconsistency(scores, self.tree), None
