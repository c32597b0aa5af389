"""Whether a whole ranking respects the tree."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.metrics.base import TreeMetric, check_inputs
from keras_haframe.metrics.preference_ranks import PreferenceRanks
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.marks import poisoned
from keras_haframe.tree_ops.values import Tensor


def whole_order(
    y_true: Tensor, y_pred: Tensor, tree: ClassTree | dict, *, convention: str = "depth"
) -> Tensor:
    """Whether no class stands before one that is nearer to the label, per example.

    Args:
        y_true: Integer labels `[B]`.
        y_pred: Class scores `[B, K]`, higher is better; among equal ones the lower index is first.
        tree: A `ClassTree`.
        convention: Distance convention, see `ClassTree.distances`.

    Returns:
        Float32 tensor `[B]` of zeros and ones: HOPS is 1 or is not.

    Raises:
        ValueError: For shapes that do not fit.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> [float(v) for v in whole_order([0, 0], [[4, 3, 1, 2], [4, 2, 3, 1]], tree)]
    [1.0, 0.0]
    """
    tree = as_tree(tree)
    labels, scores, lost = check_inputs(y_true, y_pred, tree.num_classes)
    return poisoned(_whole(PreferenceRanks(tree, convention), labels, scores), lost)


def _whole(preferences: PreferenceRanks, labels: Tensor, scores: Tensor) -> Tensor:
    ranks = preferences.predicted(labels, scores)
    return ops.cast(ops.all(ranks[:, 1:] >= ranks[:, :-1], axis=1), "float32")


@keras.saving.register_keras_serializable(package="keras_haframe")
class WholeOrder(TreeMetric):
    """Streaming share of the examples whose whole ranking respects the tree, see `whole_order`.

    Args:
        tree: A `ClassTree`.
        name: Name in logs.
        convention: Distance convention, see `ClassTree.distances`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> metric = WholeOrder(tree)
    >>> metric.update_state([0, 0], [[4, 3, 2, 1], [1, 2, 3, 4]])
    >>> float(metric.result())
    0.5
    """

    def __init__(
        self,
        tree: ClassTree | dict,
        *,
        name: str = "whole_order",
        convention: str = "depth",
        dtype: str | None = None,
    ):
        super().__init__(tree, name, dtype)
        self._direction = "up"
        self.convention = convention
        self._preferences = PreferenceRanks(self.tree, convention)

    def values(self, labels: Tensor, scores: Tensor) -> tuple[Tensor, Tensor | None]:
        """Whether the whole order is the tree's."""
        return _whole(self._preferences, labels, scores), None

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal metric."""
        return {**super().get_config(), "convention": self.convention}
