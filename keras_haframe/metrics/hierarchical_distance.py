"""Hierarchical distance@k: how far from the label the k best-ranked classes are."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.metrics.base import TreeMetric, best_classes, check_inputs
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.marks import poisoned
from keras_haframe.tree_ops.options import check_count
from keras_haframe.tree_ops.pair_distances import PairDistances
from keras_haframe.tree_ops.values import Tensor


def _mean_of_best(distances: PairDistances, k: int, labels: Tensor, scores: Tensor) -> Tensor:
    return ops.mean(distances(labels, best_classes(scores, k)), axis=-1)


def _check_k(k: int, tree: ClassTree) -> int:
    return check_count(k, "k", most=tree.num_classes, why=", the number of classes")


def hierarchical_distance(
    y_true: Tensor,
    y_pred: Tensor,
    tree: ClassTree | dict,
    k: int = 1,
    *,
    convention: str = "depth",
) -> Tensor:
    """Mean LCA height of the label and the k best-ranked classes, per example.

    Args:
        y_true: Integer labels `[B]`.
        y_pred: Class scores `[B, K]`, higher is better; among equals the lower index ranks first.
        tree: A `ClassTree`.
        k: Number of classes from the top of the ranking, 1 to K.
        convention: Distance convention, see `ClassTree.distances`.

    Returns:
        Float tensor `[B]`; correct predictions count too, so at `k = 1` the mean is
        `(1 - top1) * mistake severity`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> float(hierarchical_distance([0], [[4, 3, 2, 1]], tree, k=3)[0])
    1.0

    Reference: Bertinetto et al., Making Better Mistakes (CVPR 2020).
    """
    tree = as_tree(tree)
    labels, scores, lost = check_inputs(y_true, y_pred, tree.num_classes)
    distances, k = PairDistances(tree, convention), _check_k(k, tree)
    return poisoned(_mean_of_best(distances, k, labels, scores), lost)


@keras.saving.register_keras_serializable(package="keras_haframe")
class HierarchicalDistance(TreeMetric):
    """Streaming mean of the hierarchical distance@k over all examples (lower is better).

    Args:
        tree: A `ClassTree`.
        k: Number of classes from the top of the ranking, 1 to K.
        name: Name in logs; `hier_dist_{k}` by default.
        convention: Distance convention, see `ClassTree.distances`.

    Raises:
        ValueError: If `k` is not an integer from 1 to K.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> metric = HierarchicalDistance(tree, k=2)
    >>> metric.update_state([0, 2], [[4, 3, 2, 1], [4, 3, 2, 1]])
    >>> float(metric.result())  # of car: car 0, truck 1; of jet: 2 and 2
    1.25

    Reference: Bertinetto et al., Making Better Mistakes (CVPR 2020).
    """

    def __init__(
        self,
        tree: ClassTree | dict,
        k: int = 1,
        *,
        name: str | None = None,
        convention: str = "depth",
        dtype: str | None = None,
    ):
        super().__init__(tree, name or f"hier_dist_{k}", dtype)
        self._direction = "down"
        self.k = _check_k(k, self.tree)
        self.convention = convention
        self._distances = PairDistances(self.tree, convention)

    def values(self, labels: Tensor, scores: Tensor) -> tuple[Tensor, Tensor | None]:
        """Mean distance of the label and the k best-ranked classes."""
        return _mean_of_best(self._distances, self.k, labels, scores), None

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal metric."""
        return {**super().get_config(), "k": self.k, "convention": self.convention}
