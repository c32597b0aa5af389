"""Hierarchical distance@k between that of the best and of the worst possible ranking."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_haframe.metrics.base import TreeMetric, best_classes, check_inputs
from keras_haframe.metrics.rank_profile import best_and_worst, rank_profile
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.marks import poisoned
from keras_haframe.tree_ops.options import check_count
from keras_haframe.tree_ops.pair_distances import PairDistances
from keras_haframe.tree_ops.values import Tensor


def _check_k(k: int, tree: ClassTree) -> int:
    classes = tree.num_classes
    every = f": with all {classes} classes every ranking has the same hierarchical distance"
    return check_count(k, "k", most=classes - 1, why=every)


def _extremes(tree: ClassTree, k: int, convention: str) -> np.ndarray:
    """Sum of the first k distances of the best and the worst ranking, float32 `[K, 2]`."""
    heights, within = rank_profile(tree, convention)
    weight = np.where(np.arange(tree.num_classes) < k, 1.0, 0.0)
    return np.stack(best_and_worst(heights, within, weight), axis=1).astype(np.float32)


def _normalized(
    distances: PairDistances, extremes: np.ndarray, k: int, labels: Tensor, scores: Tensor
) -> Tensor:
    # Sums, not means: they are whole numbers, so the best ranking is exactly 0, the worst 1.
    total = ops.sum(distances(labels, best_classes(scores, k)), axis=-1)
    ends = ops.take(ops.convert_to_tensor(extremes), labels, axis=0)
    return (total - ends[:, 0]) / (ends[:, 1] - ends[:, 0])


def normalized_hierarchical_distance(
    y_true: Tensor,
    y_pred: Tensor,
    tree: ClassTree | dict,
    k: int = 5,
    *,
    convention: str = "depth",
) -> Tensor:
    """Hierarchical distance@k on a scale from 0, the best ranking, to 1, the worst, per example.

    `(HierDist@k - best) / (worst - best)`, with `best` and `worst` the mean of the k smallest and
    of the k largest distances of the label to all classes, its own 0 included. For k > 1 even a
    perfect ranking has a positive HierDist@k, which depends on the tree and the label; this one
    is comparable across k, labels and trees.

    Args:
        y_true: Integer labels `[B]`.
        y_pred: Class scores `[B, K]`, higher is better.
        tree: A `ClassTree`.
        k: Number of classes from the top of the ranking, 1 to K - 1.
        convention: Distance convention, see `ClassTree.distances`.

    Returns:
        Float32 tensor `[B]` from 0 to 1.

    Raises:
        ValueError: For `k` out of range or shapes that do not fit.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> round(float(normalized_hierarchical_distance([0], [[4, 2, 3, 1]], tree, k=2)[0]), 3)
    0.333

    car and jet: mean 1; at best car and truck, 0.5; at worst jet and glider, 2.

    Reference: the distance: Bertinetto et al., Making Better Mistakes (CVPR 2020). The scale is
    ours.
    """
    tree = as_tree(tree)
    labels, scores, lost = check_inputs(y_true, y_pred, tree.num_classes)
    extremes = _extremes(tree, _check_k(k, tree), convention)
    found = _normalized(PairDistances(tree, convention), extremes, k, labels, scores)
    return poisoned(found, lost)


@keras.saving.register_keras_serializable(package="keras_haframe")
class NormalizedHierarchicalDistance(TreeMetric):
    """Streaming mean of the normalized hierarchical distance@k (0 best, 1 worst).

    Args:
        tree: A `ClassTree`.
        k: Number of classes from the top of the ranking, 1 to K - 1.
        name: Name in logs; `norm_hier_dist_{k}` by default.
        convention: Distance convention, see `ClassTree.distances`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> metric = NormalizedHierarchicalDistance(tree, k=2)
    >>> metric.update_state([0, 0], [[4, 3, 2, 1], [1, 2, 3, 4]])  # the best and the worst
    >>> float(metric.result())
    0.5
    """

    def __init__(
        self,
        tree: ClassTree | dict,
        k: int = 5,
        *,
        name: str | None = None,
        convention: str = "depth",
        dtype: str | None = None,
    ):
        super().__init__(tree, name or f"norm_hier_dist_{k}", dtype)
        self._direction = "down"
        self.k = _check_k(k, self.tree)
        self.convention = convention
        self._distances = PairDistances(self.tree, convention)
        self._ends = _extremes(self.tree, k, convention)

    def values(self, labels: Tensor, scores: Tensor) -> tuple[Tensor, Tensor | None]:
        """Compute the normalized mean distance of the k best-ranked classes."""
        return _normalized(self._distances, self._ends, self.k, labels, scores), None

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal metric."""
        return {**super().get_config(), "k": self.k, "convention": self.convention}
