"""Hierarchical conformal sets: a few nodes that contain the truth with a stated probability."""

from __future__ import annotations

import dataclasses
import math
import numbers
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from keras_haframe.decisions.calibrate_threshold import check_share, conformal_quantile
from keras_haframe.decisions.node_cover import grow
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_labels, check_probabilities
from keras_haframe.tree_ops.columns import in_class_order
from keras_haframe.tree_ops.options import check_count


class SetThreshold(NamedTuple):
    """What `calibrate_sets` finds: the `mass` from which a set stops growing, and `nodes`, r."""

    mass: float
    nodes: int


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class NodeSets:
    """A set of nodes per example, none below another.

    Attributes:
        tree: The class tree.
        nodes: int64 `[B, r]`, node numbers in tree order, then -1.
    """

    tree: ClassTree
    nodes: np.ndarray

    @property
    def names(self) -> list[list[str]]:
        """Names of the nodes of every set."""
        return [[self.tree.nodes[n] for n in row if n >= 0] for row in self.nodes.tolist()]

    @property
    def sizes(self) -> np.ndarray:
        """Number of classes in every set, int64 `[B]`."""
        _, start, stop = self.tree.leaf_ranges
        return np.where(self.nodes >= 0, (stop - start)[self.nodes], 0).sum(axis=1)

    def contain(self, labels: Any) -> np.ndarray:
        """Whether each set holds the label, bool `[B]`."""
        labels = check_labels(labels, self.tree.num_classes, len(self.nodes))
        return (self.tree.paths[labels][:, :, None] == self.nodes[:, None, :]).any(axis=(1, 2))

    def __len__(self) -> int:
        return len(self.nodes)


def conformal_sets(probabilities: Any, tree: ClassTree | dict, threshold: SetThreshold) -> NodeSets:
    """At most r nodes per example that contain the truth with the calibrated probability.

    The classes of an example are taken from the most probable on (among equals the lower index).
    Each that is not yet in the set joins it; if the set then has more than r nodes, those below
    the smallest common ancestor of two of them (fewest classes, leftmost among equals) become that
    ancestor. Call `C_m` the set after m classes. The answer is `C_m` for the largest m whose first
    m - 1 classes have a mass of at most `threshold.mass`.

    Nested: a step adds classes to the set and never takes one out (a node is only ever replaced by
    an ancestor), so `C_1, C_2, ...` hold more and more classes; and m rises with the mass. So a
    larger mass gives a set that holds all classes of the smaller one, which the guarantee needs.

    Args:
        probabilities: `[B, K]` class probabilities, computed as those of `calibrate_sets`.
        tree: A `ClassTree`.
        threshold: From `calibrate_sets`, or `SetThreshold(mass, nodes)`.

    Returns:
        `NodeSets`.

    Raises:
        ValueError: If rows are no probabilities, shapes do not fit, or the threshold is none.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> p = [[0.5, 0.25, 0.25, 0.0]]
    >>> [conformal_sets(p, tree, SetThreshold(m, 2)).names[0] for m in (0.1, 0.6, 0.8)]
    [['car'], ['car', 'truck'], ['land', 'jet']]

    Reference: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005), for
    split conformal prediction from nested sets.
    """
    tree = as_tree(tree)
    if not isinstance(threshold, (tuple, list)) or len(threshold) != 2:
        raise ValueError(
            "`threshold` must be what `calibrate_sets` returns, or SetThreshold(mass, nodes). "
            f"Received: threshold={threshold!r}"
        )
    mass, nodes = threshold
    nodes = check_count(nodes, "nodes")
    if isinstance(mass, bool) or not isinstance(mass, numbers.Real) or not mass >= 0:
        raise ValueError(f"`mass` must be 0 or more. Received: mass={mass!r}")
    order, before = _ranked(probabilities, tree)
    count = (before <= mass).sum(axis=1) if mass < math.inf else np.full(len(order), len(order.T))
    return NodeSets(tree, grow(order, np.maximum(count, 1), tree, nodes)[0])


def calibrate_sets(
    labels: Any, probabilities: Any, tree: ClassTree | dict, alpha: float, *, nodes: int = 3
) -> SetThreshold:
    """Threshold with which `conformal_sets` miss the truth with probability at most `alpha`.

    Theorem: let `s_i` be the mass of the classes more probable than the one whose step first puts
    the label of calibration example i into its set, and q the `ceil((n + 1)(1 - alpha))`-th
    smallest of `s_1, ..., s_n`. The set of a new example for mass q holds its label exactly if
    its own s is at most q. If the n + 1 examples are exchangeable, so are their s, and the rank of
    the last is at most r with probability at least `r / (n + 1)`; so

    `P(label in set) >= 1 - alpha`, for every n and any model; without ties at most
    `1 - alpha + 1 / (n + 1)`.

    The probability is over calibration and new example together. It is not one per class, nor one
    for data drawn otherwise, and the examples must not be those of the training. `nodes` must be
    chosen before looking at the calibration examples.

    Args:
        labels: Integer labels `[n]` of held-out examples.
        probabilities: Their class probabilities `[n, K]`.
        tree: A `ClassTree`.
        alpha: Share of sets that may miss the label, between 0 and 1.
        nodes: Most nodes in a set, r. 1 gives a single node.

    Returns:
        `SetThreshold`; its mass is infinity (all classes) where n is below `1 / alpha - 1`.

    Raises:
        ValueError: For an alpha out of range, no examples, rows that are no probabilities, or
            labels that do not fit.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> calibrate_sets([0, 0, 1], [[0.5, 0.25, 0.25, 0.0]] * 3, tree, 0.25, nodes=2)
    SetThreshold(mass=0.5, nodes=2)
    """
    tree = as_tree(tree)
    check_share("alpha", alpha)
    nodes = check_count(nodes, "nodes")
    scores = set_scores(labels, probabilities, tree, nodes=nodes)
    return SetThreshold(conformal_quantile(scores, 1 - alpha), nodes)


def set_scores(
    labels: Any, probabilities: Any, tree: ClassTree | dict, *, nodes: int = 3
) -> np.ndarray:
    """Smallest mass for which each example's set holds its label, float64 `[B]`.

    Args:
        labels: Integer labels `[B]`.
        probabilities: `[B, K]` class probabilities.
        tree: A `ClassTree`.
        nodes: Most nodes in a set.
    """
    tree = as_tree(tree)
    nodes = check_count(nodes, "nodes")
    order, before = _ranked(probabilities, tree)
    labels = check_labels(labels, tree.num_classes, len(order))
    # The label is in its set at the latest with its own step.
    own = (order == labels[:, None]).argmax(axis=1)
    _, first = grow(order, own + 1, tree, nodes, labels)
    return np.take_along_axis(before, first[:, None], axis=1)[:, 0]


def _ranked(probabilities: Any, tree: ClassTree) -> tuple[np.ndarray, np.ndarray]:
    """Classes by falling probability `[B, K]`, and the mass before each, float64, from 0."""
    probabilities = in_class_order(probabilities, tree, "`probabilities`")
    p = ops.convert_to_numpy(check_probabilities(probabilities, tree.num_classes))
    order = np.argsort(-p, axis=1, kind="stable")
    mass = np.cumsum(np.take_along_axis(p, order, axis=1), axis=1, dtype=np.float64)
    return order, np.concatenate([np.zeros((len(p), 1)), mass[:, :-1]], axis=1)
