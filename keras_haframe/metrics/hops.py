"""HOPS: how far the whole order of the classes is from the one that the tree prefers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from scipy.optimize import linear_sum_assignment

from keras_haframe.metrics.base import TreeMetric, check_inputs
from keras_haframe.metrics.preference_ranks import PreferenceRanks
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.marks import poisoned
from keras_haframe.tree_ops.options import check_choice, check_count
from keras_haframe.tree_ops.values import Tensor

WORST = ("reversed", "true")
MOST_PLACES = 1000  # of `worst="true"`, whose assignment takes k^3


class _Places:
    """Tables of the metric, nothing of size K x K.

    Attributes:
        stops: int32 `[K, R + 1]`, number of classes of a rank below r, up to K.
        worst: float32 `[K]`, largest error of any ranking; with `worst="true"`.
    """

    def __init__(self, tree: ClassTree, k: int | None, worst: str, convention: str):
        classes = tree.num_classes
        k = classes if k is None else k
        self.k = check_count(k, "k", most=classes, why=", the number of classes, or None for all")
        if check_choice("worst", worst, WORST) == "true" and self.k > MOST_PLACES:
            raise ValueError(
                f"`k` must be at most {MOST_PLACES} with worst='true', which looks for the worst "
                f"order by assignment. Received: k={k}"
            )
        self.preferences = PreferenceRanks(tree, convention)
        stops = np.cumsum(self.preferences.sizes, axis=1)
        self.stops = np.concatenate([np.zeros((classes, 1)), stops], axis=1).astype(np.int32)
        self.last = self.preferences.ranks[:, 0]
        self.worst = self._largest_errors() if worst == "true" else None

    def _largest_errors(self) -> np.ndarray:
        """Of any ranking, per label; labels whose ranks have the same sizes share one."""
        rows, kind = np.unique(self.stops, axis=0, return_inverse=True)
        return np.array([_largest_error(np.diff(row), self.k) for row in rows], np.float32)[
            kind.reshape(-1)
        ]

    def __call__(self, labels: Tensor, scores: Tensor) -> Tensor:
        whole = self.preferences.predicted(labels, scores)
        predicted, expected = whole[:, : self.k], ops.sort(whole, axis=1)[:, : self.k]
        stops = ops.take(ops.convert_to_tensor(self.stops), labels, axis=0)
        start = ops.take_along_axis(stops, expected, axis=1)
        size = ops.take_along_axis(stops, expected + 1, axis=1) - start
        last = ops.take(ops.convert_to_tensor(self.last), labels, axis=0)[:, None]
        falls = ops.where(expected == last, 1.0, 0.5)
        place = ops.arange(self.k, dtype="int32")[None, :] - start
        share = ops.cast(place, "float32") / ops.cast(size, "float32")
        weight = ops.power(2.0, -ops.cast(expected, "float32")) * (1.0 - falls * share)

        def error(order: Tensor) -> Tensor:
            return ops.sum(weight * ops.cast(ops.abs(expected - order), "float32"), axis=1)

        found = error(predicted)
        if self.worst is None:
            worst = error(ops.flip(expected, axis=1))
        else:
            worst = ops.take(ops.convert_to_tensor(self.worst), labels, axis=0)
        right = ops.cast(found == 0, "float32")  # k = 1 has but one order: right or wrong
        scaled = 1.0 - found / ops.where(worst > 0, worst, 1.0)
        return ops.where(worst > 0, ops.clip(scaled, 0.0, 1.0), right)


def _largest_error(sizes: np.ndarray, k: int) -> float:
    """Largest weighted error of the first k places over all orders of the classes.

    Args:
        sizes: Number of classes of every rank.
        k: Number of places.
    """
    expected = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(len(expected)) - (np.cumsum(sizes) - sizes)[expected]
    falls = np.where(expected == expected[-1], 1.0, 0.5)
    weight = 2.0**-expected * (1 - falls * place / sizes[expected])
    other = np.repeat(np.arange(len(sizes)), np.minimum(sizes, k))  # no more of a rank fit
    errors = weight[:k, None] * np.abs(expected[:k, None] - other)
    return float(errors[linear_sum_assignment(errors, maximize=True)].sum())


def hops(
    y_true: Tensor,
    y_pred: Tensor,
    tree: ClassTree | dict,
    k: int | None = None,
    *,
    worst: str = "reversed",
    convention: str = "depth",
) -> Tensor:
    """Compute the hierarchical ordering of predictions, per example: 1 for the tree's own order.

    `rho(c)` is the rank of the distance of class c to the label: 0 for the label, 1 for the nearest
    others, 2 for the next, ... The tree expects `e_1 <= ... <= e_K`, these ranks sorted; the scores
    give `o_j`, the rank of the class in place j. Place 1 weighs 1; over the `n_r` places of rank r
    the weight falls linearly, `w = 2^-r - t (2^-r - 2^-(r+1)) / n_r` for t = 0 ... n_r - 1, and
    towards 0 in the last rank. Then

    `HOPS = clip(1 - sum_j w_j |e_j - o_j| / sum_j w_j |e_j - e_{K+1-j}|, 0, 1)`.

    HOPS@k takes the first k places of the sum above, and below the first k of e reversed. That is
    not the worst that k places can hold: on CIFAR-100's tree the right class, two siblings (of
    four) and two far classes already have HOPS@5 = 0. `worst="true"` divides by the largest error
    of any order instead (up to 1,000 places).

    Args:
        y_true: Integer labels `[B]`.
        y_pred: Class scores `[B, K]`, higher is better; among equal ones the lower index is first.
        tree: A `ClassTree`.
        k: Number of places from the top; `None` for all, 1 for top-1.
        worst: `"reversed"`, as published, or `"true"`.
        convention: Distance convention, see `ClassTree.distances`.

    Returns:
        Float32 tensor `[B]` from 0 to 1, higher is better.

    Raises:
        ValueError: For `k` or `worst` out of range or shapes that do not fit.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> [round(float(v), 3) for v in hops([0, 0], [[4, 3, 2, 1], [3, 4, 2, 1]], tree)]
    [1.0, 0.5]

    Expected ranks 0, 1, 2, 2, weights 1, 1/2, 1/4, 1/8. The second row has 1, 0, 2, 2, error 1 +
    1/2; the reversed order 2, 2, 1, 0 has 2 + 1/2 + 1/4 + 2/8 = 3.

    Reference: Sani and Anand, Hier-COS (CVPR 2026).
    """
    tree = as_tree(tree)
    labels, scores, lost = check_inputs(y_true, y_pred, tree.num_classes)
    return poisoned(_Places(tree, k, worst, convention)(labels, scores), lost)


@keras.saving.register_keras_serializable(package="keras_haframe")
class HOPS(TreeMetric):
    """Streaming mean of the hierarchical ordering of predictions (higher is better), see `hops`.

    Args:
        tree: A `ClassTree`.
        k: Number of places from the top; `None` for all.
        worst: `"reversed"`, as published, or `"true"`.
        name: Name in logs; `hops_{k}` (or `hops`) by default.
        convention: Distance convention, see `ClassTree.distances`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> metric = HOPS(tree)
    >>> metric.update_state([0, 0], [[4, 3, 2, 1], [1, 2, 3, 4]])  # the tree's order, reversed
    >>> float(metric.result())
    0.5
    """

    def __init__(
        self,
        tree: ClassTree | dict,
        k: int | None = None,
        *,
        worst: str = "reversed",
        name: str | None = None,
        convention: str = "depth",
        dtype: str | None = None,
    ):
        super().__init__(tree, name or ("hops" if k is None else f"hops_{k}"), dtype)
        self._direction = "up"
        self.k, self.worst, self.convention = k, worst, convention
        self._places = _Places(self.tree, k, worst, convention)

    def values(self, labels: Tensor, scores: Tensor) -> tuple[Tensor, Tensor | None]:
        """HOPS of every example."""
        return self._places(labels, scores), None

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal metric."""
        config = {"k": self.k, "worst": self.worst, "convention": self.convention}
        return {**super().get_config(), **config}
