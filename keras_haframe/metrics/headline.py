"""The headline metrics: one list for compiled models, tables, model cards and reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np
from scipy import stats

from keras_haframe.metrics.hierarchical_distance import HierarchicalDistance
from keras_haframe.metrics.hops import HOPS
from keras_haframe.metrics.mistake_severity import MistakeSeverity
from keras_haframe.metrics.top1 import Top1Accuracy
from keras_haframe.metrics.whole_order import WholeOrder
from keras_haframe.tree import ClassTree


class Headline(NamedTuple):
    """A metric that every table shows.

    Attributes:
        name: Name in logs and result files.
        label: Head of its column.
        scale: Factor between the two.
        digits: Digits after the point.
        meaning: What it says, in a few words.
        make: Class tree and distance convention to the streaming metric.
        classes: How many classes the tree must have.
    """

    name: str
    label: str
    scale: float
    digits: int
    meaning: str
    make: Callable[[ClassTree, str], keras.metrics.Metric]
    classes: int = 2


def _distance(k: int, meaning: str) -> Headline:
    def make(tree: ClassTree, convention: str) -> keras.metrics.Metric:
        return HierarchicalDistance(tree, k, convention=convention)

    return Headline(f"hier_dist_{k}", f"HierDist@{k}", 1.0, 3, meaning, make, k)


HEADLINE = (
    Headline(
        "top1", "top-1 %", 100.0, 2, "share of right answers, higher is better",
        lambda tree, _: Top1Accuracy(tree),
    ),
    Headline(
        "severity", "severity", 1.0, 3,
        "mistake severity: mean LCA height of the mistakes, in levels, lower is better",
        lambda tree, convention: MistakeSeverity(tree, convention=convention),
    ),
    _distance(1, "mean LCA height of the answer, lower is better"),
    _distance(5, "mean LCA height of the five best classes, lower is better"),
    _distance(20, "mean LCA height of the 20 best classes, lower is better"),
)  # fmt: skip


def _hops(k: int | None, meaning: str) -> Headline:
    def make(tree: ClassTree, convention: str) -> keras.metrics.Metric:
        return HOPS(tree, k, convention=convention)

    name, label = ("hops", "HOPS") if k is None else (f"hops_{k}", f"HOPS@{k}")
    return Headline(name, label, 1.0, 3, meaning, make, k or 2)


ORDERING = (
    _hops(None, "how near the whole order of the classes is to the tree's, 1 is best"),
    _hops(20, "the same for the 20 best classes, 1 is best"),
    _hops(5, "the same for the five best classes, 1 is best"),
    Headline(
        "whole_order", "order right %", 100.0, 2,
        "share of images whose whole ranking respects the tree, higher is better",
        lambda tree, convention: WholeOrder(tree, convention=convention),
    ),
)  # fmt: skip


def headline_metrics(tree: ClassTree, convention: str = "depth") -> list[keras.metrics.Metric]:
    """Make the headline metrics of a tree; ranks above its number of classes are left out.

    Args:
        tree: A `ClassTree`.
        convention: Distance convention, see `ClassTree.distances`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> [metric.name for metric in headline_metrics(tree)]
    ['top1', 'severity', 'hier_dist_1']
    """
    return [h.make(tree, convention) for h in HEADLINE if h.classes <= tree.num_classes]


def half_width(values: Sequence[float], ddof: int = 1) -> float:
    """Half-width of the 95 % confidence interval of a mean (Student's t).

    Args:
        values: One value per seed.
        ddof: 1 for the sample standard deviation; 0 for the figure that the HAFrame paper prints.

    Returns:
        `t(0.975, n - 1) std / sqrt(n)`; NaN for a single value.

    Example:

    >>> round(half_width([79.0, 80.0, 81.0, 80.0, 80.0]), 4)  # t = 2.7764 for five seeds
    0.878

    Reference: Liang and Davis, HAFrame (ICCV 2023), tables 1 and 2.
    """
    n = len(values)
    if n < 2:
        return float("nan")
    return float(stats.t.ppf(0.975, n - 1) * np.std(values, ddof=ddof) / np.sqrt(n))
