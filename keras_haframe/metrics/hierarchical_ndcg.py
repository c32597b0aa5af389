"""NDCG of the class ranking, with graded relevance read off the tree."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_haframe.frames.node_weights import largest_distance
from keras_haframe.metrics.base import TreeMetric, check_inputs
from keras_haframe.metrics.rank_profile import best_and_worst, rank_profile
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.marks import poisoned
from keras_haframe.tree_ops.options import check_count
from keras_haframe.tree_ops.row_values import row_values
from keras_haframe.tree_ops.values import Tensor


class _Gains:
    """Tables of the metric: distances by path, the discounts, and the ideal value per label."""

    def __init__(self, tree: ClassTree, k: int | None, convention: str):
        classes = tree.num_classes
        k = classes if k is None else k
        self.k = check_count(k, "k", most=classes, why=", the number of classes, or None for all")
        self.paths = tree.paths.astype(np.int32)
        heights, within = rank_profile(tree, convention)
        # No pair is farther apart than this; heights above (a single-child root) do not occur.
        farthest = largest_distance(tree, convention)
        gains = np.maximum(farthest - heights, 0.0)
        self.gains = gains.astype(np.float32)
        discount = 1 / np.log2(np.arange(tree.num_classes) + 2.0)
        discount[self.k :] = 0.0
        self.ideal = best_and_worst(gains, within, discount)[0].astype(np.float32)
        self.discounts = np.concatenate([[0.0], np.cumsum(discount)]).astype(np.float32)

    def __call__(self, labels: Tensor) -> Tensor:
        """Gain of every class for labels `[B]`, float32 `[B, K]`."""
        return row_values(self.paths, self.gains, labels)


def _runs(ranked: Tensor) -> tuple[Tensor, Tensor]:
    """Start and end (exclusive) of the run of equal values around each place, `[B, K]` each.

    Running maximum and minimum by doubling the reach: log2 K steps.
    """
    size = ranked.shape[1]
    places = np.arange(size, dtype=np.int32)[None, :]
    first = ops.ones_like(ranked[:, :1], dtype="bool")
    fresh = ops.concatenate([first, ranked[:, 1:] != ranked[:, :-1]], axis=1)
    start = ops.where(fresh, places, 0)
    last = ops.concatenate([fresh[:, 1:], first], axis=1)
    end = ops.where(last, places + 1, size)
    reach = 1
    while reach < size:
        earlier = ops.maximum(start[:, reach:], start[:, :-reach])
        start = ops.concatenate([start[:, :reach], earlier], axis=1)
        later = ops.minimum(end[:, :-reach], end[:, reach:])
        end = ops.concatenate([later, end[:, -reach:]], axis=1)
        reach *= 2
    return start, end


def _ndcg(tables: _Gains, labels: Tensor, scores: Tensor) -> Tensor:
    ranked, order = ops.top_k(scores, scores.shape[1], sorted=True)
    gains = ops.take_along_axis(tables(labels), ops.cast(order, "int32"), axis=1)
    start, end = _runs(ranked)
    discounts = ops.convert_to_tensor(tables.discounts)
    share = ops.take(discounts, end, axis=0) - ops.take(discounts, start, axis=0)
    share = share / ops.cast(end - start, share.dtype)
    ideal = ops.take(ops.convert_to_tensor(tables.ideal), labels, axis=0)
    return ops.sum(gains * share, axis=1) / ideal


def hierarchical_ndcg(
    y_true: Tensor,
    y_pred: Tensor,
    tree: ClassTree | dict,
    k: int | None = None,
    *,
    convention: str = "depth",
) -> Tensor:
    """Compute the normalized discounted cumulative gain of the class ranking, per example.

    A class at distance d from the label has gain `d_max - d`, with `d_max` the largest distance in
    the tree: the label itself has the most, the farthest classes none. Then

    `DCG@k = sum_{r <= k} gain(class at rank r) / log2(r + 1)`,  `NDCG@k = DCG@k / ideal DCG@k`,

    the ideal ranking listing classes by distance (those at one distance in any order, which does
    not change it). Unlike hierarchical distance@k it sees the order within the first k.

    Ties: classes with equal scores share their ranks' discounts evenly, which is the expected
    value over a random order among them. Under conditional risk many classes tie exactly, and any
    fixed order would favour low class indices.

    Args:
        y_true: Integer labels `[B]`.
        y_pred: Class scores `[B, K]`, higher is better.
        tree: A `ClassTree`.
        k: Number of classes from the top of the ranking; `None` for all.
        convention: Distance convention, see `ClassTree.distances`.

    Returns:
        Float32 tensor `[B]` from 0 to 1.

    Raises:
        ValueError: For `k` out of range or shapes that do not fit.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> round(float(hierarchical_ndcg([0], [[2, 3, 1, 0]], tree)[0]), 3)
    0.86

    truck (gain 1), car (gain 2): 1 + 2 / log2(3) = 2.2619, of at best 2 + 1 / log2(3) = 2.6309.

    Reference: Järvelin and Kekäläinen, Cumulated Gain-Based Evaluation of IR Techniques (2002);
    ties: McSherry and Najork, Computing Information Retrieval Performance Measures Efficiently in
    the Presence of Tied Scores (ECIR 2008). The gain is our choice.
    """
    tree = as_tree(tree)
    labels, scores, lost = check_inputs(y_true, y_pred, tree.num_classes)
    return poisoned(_ndcg(_Gains(tree, k, convention), labels, scores), lost)


@keras.saving.register_keras_serializable(package="keras_haframe")
class HierarchicalNDCG(TreeMetric):
    """Streaming mean of the hierarchical NDCG@k (higher is better), see `hierarchical_ndcg`.

    Args:
        tree: A `ClassTree`.
        k: Number of classes from the top of the ranking; `None` for all.
        name: Name in logs; `hier_ndcg_{k}` (or `hier_ndcg`) by default.
        convention: Distance convention, see `ClassTree.distances`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> metric = HierarchicalNDCG(tree)
    >>> metric.update_state([0, 0], [[3, 2, 1, 0], [2, 3, 1, 0]])
    >>> round(float(metric.result()), 3)
    0.93
    """

    def __init__(
        self,
        tree: ClassTree | dict,
        k: int | None = None,
        *,
        name: str | None = None,
        convention: str = "depth",
        dtype: str | None = None,
    ):
        super().__init__(tree, name or ("hier_ndcg" if k is None else f"hier_ndcg_{k}"), dtype)
        self._direction = "up"
        self.k = k
        self.convention = convention
        self._tables = _Gains(self.tree, k, convention)

    def values(self, labels: Tensor, scores: Tensor) -> tuple[Tensor, Tensor | None]:
        """NDCG@k of the ranking."""
        return _ndcg(self._tables, labels, scores), None

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal metric."""
        return {**super().get_config(), "k": self.k, "convention": self.convention}
