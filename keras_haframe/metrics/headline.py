"""The headline metrics: one list for compiled models, tables, model cards and reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import keras

from keras_haframe.metrics.hierarchical_distance import HierarchicalDistance
from keras_haframe.metrics.mistake_severity import MistakeSeverity
from keras_haframe.metrics.top1 import Top1Accuracy
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
