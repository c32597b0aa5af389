"""Hierarchical distance@k: how far from the label the k best-ranked classes are."""

from __future__ import annotations

import keras
from keras import ops

from keras_haframe.metrics.base import TreeMetric, check_inputs
from keras_haframe.tree import as_tree
from keras_haframe.tree_ops.checks import check_rank
from keras_haframe.tree_ops.pair_distances import PairDistances


def _best(scores, k):
    """The `k` best-ranked classes `[B, k]`; among equal scores the lower index comes first."""
    if keras.backend.backend() == "torch":  # torch.topk leaves open which of equals it takes
        return ops.argsort(-scores, axis=-1)[:, :k]
    return ops.top_k(scores, k, sorted=False)[1]


def _mean_of_best(distances, k, labels, scores):
    best = _best(scores, k)
    return ops.mean(distances(labels, ops.cast(best, "int32")), axis=-1)


def hierarchical_distance(y_true, y_pred, tree, k: int = 1, convention: str = "depth"):
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
    labels, scores = check_inputs(y_true, y_pred, tree.num_classes)
    return _mean_of_best(
        PairDistances(tree, convention), check_rank(k, tree.num_classes), labels, scores
    )


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
        self, tree, k: int = 1, name: str | None = None, convention: str = "depth", dtype=None
    ):
        super().__init__(tree, name or f"hier_dist_{k}", dtype)
        self._direction = "down"
        self.k = check_rank(k, self.tree.num_classes)
        self.convention = convention
        self._distances = PairDistances(self.tree, convention)

    def values(self, labels, scores):
        return _mean_of_best(self._distances, self.k, labels, scores), None

    def get_config(self):
        return {**super().get_config(), "k": self.k, "convention": self.convention}
