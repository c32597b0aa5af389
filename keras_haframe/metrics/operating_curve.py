"""How right against how specific: all operating points of a confidence floor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_haframe.decisions.calibrate_threshold import nested_answers
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_floors
from keras_haframe.tree_ops.values import Tensor


class OperatingCurve(NamedTuple):
    """Points of an operating curve, by rising threshold.

    Attributes:
        thresholds: `[T]` thresholds for `decisions.confidence_floor`; infinity: always the root.
        coverage: `[T]` mean hierarchical coverage (specificity) of the answers, 0 to 1.
        correctness: `[T]` share of the answers that are the label or an ancestor of it.
        area: Area under the risk-coverage curve (hAURC), lower is better; risk is
            `1 - correctness`. It is that of the whole curve, whatever the thresholds shown.
    """

    thresholds: np.ndarray
    coverage: np.ndarray
    correctness: np.ndarray
    area: float


def node_coverage(tree: ClassTree | dict) -> np.ndarray:
    """Hierarchical coverage of every node: how specific it is as an answer.

    `phi(v) = 1 - log2 |classes below v| / log2 K`: 1 for a class, 0 for the root.

    Args:
        tree: A `ClassTree`.

    Returns:
        float64 `[N]` in the order of `tree.nodes`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> node_coverage(tree).tolist()
    [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.0]

    Reference: Goren, Galil and El-Yaniv, Hierarchical Selective Classification (NeurIPS 2024).
    """
    tree = as_tree(tree)
    _, start, stop = tree.leaf_ranges
    return 1.0 - np.log2(stop - start) / np.log2(tree.num_classes)


def operating_curve(
    labels: Tensor,
    probabilities: Tensor,
    tree: ClassTree | dict,
    *,
    thresholds: float | Sequence[float] | np.ndarray | None = None,
    rule: str = "climbing",
) -> OperatingCurve:
    """Correctness against coverage of `decisions.confidence_floor` as the threshold rises.

    The curve leads from coverage 1 (always a class: correctness is top-1 accuracy) to 0 (always the
    root: correctness 1). It is computed exactly, from the thresholds at which some answer changes,
    by one sort.

    Args:
        labels: Integer labels `[B]`.
        probabilities: `[B, K]` class probabilities.
        tree: A `ClassTree`.
        thresholds: Thresholds at which to report the curve; `None` for all at which it changes
            and infinity. For a plot of many examples give some hundred, for example
            `np.linspace(0, 1, 201)`.
        rule: `"climbing"` or `"selective"`, see `decisions.confidence_floor`; with
            `"selective"` the area is that of a flat selective classifier.

    Returns:
        An `OperatingCurve` of NumPy arrays.

    Raises:
        ValueError: If there is no example, rows are no probabilities, shapes do not fit, or for
            another rule.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> curve = operating_curve([1], [[0.5, 0.25, 0.25, 0.0]], tree)
    >>> curve.thresholds.tolist(), curve.coverage.tolist(), curve.correctness.tolist()
    ([0.5, 0.75, inf], [1.0, 0.5, 0.0], [0.0, 1.0, 1.0])
    >>> curve.area
    0.25

    Up to 0.5 the answer is car (wrong), up to 0.75 land (right, coverage 1 - 1/2), then the root.

    Reference: Goren, Galil and El-Yaniv, Hierarchical Selective Classification (NeurIPS 2024),
    hierarchical risk-coverage curve and hAURC.
    """
    tree = as_tree(tree)
    answers = nested_answers(labels, probabilities, tree, rule)
    if not len(answers[0]):
        raise ValueError("`probabilities` must hold at least one example. Received: 0")
    return curve_of(*answers, tree, thresholds)


def curve_of(
    nodes: np.ndarray,
    found: np.ndarray,
    right: np.ndarray,
    tree: ClassTree,
    thresholds: float | Sequence[float] | np.ndarray | None = None,
) -> OperatingCurve:
    """`operating_curve` from what `nested_answers` returns, `[B, C]` each."""
    # An answer at column j or deeper is given up to the largest probability found there.
    upto = np.maximum.accumulate(found[:, :0:-1], axis=1)[:, ::-1]
    order = np.argsort(upto, axis=None, kind="stable")
    changes = upto.ravel()[order]
    coverage = _after(node_coverage(tree)[nodes], order)
    correctness = _after(right.astype(np.float64), order)

    # Several answers may change at one threshold; only what follows all of them is a point.
    every = np.append(np.unique(changes), np.asarray(np.inf, changes.dtype))
    points = np.searchsorted(changes, every, side="left")
    risk, covered = 1.0 - correctness[points], coverage[points]
    area = float(np.sum((risk[1:] + risk[:-1]) / 2 * (covered[:-1] - covered[1:])))
    if thresholds is None:
        return OperatingCurve(every, covered, 1.0 - risk, area)
    shown = np.sort(np.atleast_1d(check_floors(thresholds, "thresholds"))).astype(changes.dtype)
    points = np.searchsorted(changes, shown, side="left")
    return OperatingCurve(shown, coverage[points], correctness[points], area)


def _after(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Mean value of the answers after each change, `[changes + 1]`, from values by column."""
    steps = (values[:, :-1] - values[:, 1:]).ravel()[order]
    return (values[:, -1].sum() + np.concatenate([[0.0], np.cumsum(steps)])) / len(values)
