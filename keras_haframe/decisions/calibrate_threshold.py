"""Confidence floors with a guaranteed accuracy, from a calibration set."""

from __future__ import annotations

import math
import numbers

import numpy as np
from keras import ops

from keras_haframe.decisions.confidence_floor import (
    node_probabilities,
    path_probabilities,
    rule_paths,
)
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_labels, check_probabilities
from keras_haframe.tree_ops.options import check_choice
from keras_haframe.tree_ops.values import Tensor

NESTED_RULES = ("climbing", "selective")
ENTRIES = 2**22  # node probabilities in work at a time, 16 MiB


def nested_answers(
    labels: Tensor, probabilities: Tensor, tree: ClassTree, rule: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers a rule can give each example, coarse to fine, for rules that answer along one path.

    Args:
        labels: Integer labels `[B]`.
        probabilities: `[B, K]` class probabilities.
        tree: A `ClassTree`.
        rule: `"climbing"` or `"selective"`.

    Returns:
        NumPy arrays `(nodes, probabilities, right)`, `[B, C]` each: node numbers from the root
        down to the most probable class, their probabilities (in the precision that
        `confidence_floor` compares in), and whether they are the label or its ancestors.
    """
    why = ": only their answers grow coarser as the threshold rises"
    check_choice("rule", rule, NESTED_RULES, why)
    p = check_probabilities(probabilities, tree.num_classes)
    labels = check_labels(labels, tree.num_classes, int(p.shape[0]))
    paths = rule_paths(tree, rule)
    step, parts = max(1, ENTRIES // tree.num_nodes), []
    for i in range(0, max(len(labels), 1), step):
        rows = p[i : i + step]
        both = path_probabilities(rows, node_probabilities(rows, tree), paths)
        parts.append([ops.convert_to_numpy(part) for part in both])
    nodes, found = (np.concatenate(part) for part in zip(*parts))
    return nodes, found, nodes == paths[labels]


def tight_thresholds(
    labels: Tensor, probabilities: Tensor, tree: ClassTree | dict, *, rule: str = "climbing"
) -> np.ndarray:
    """Least threshold at which each example is answered rightly, that is, with an ancestor.

    0 where the most probable class is the label. Otherwise the answer is right exactly for
    thresholds above the probability of the last wrong node on the way up, so

    `theta_i = p(last wrong) + 1e-6 (p(first right) - p(last wrong))`,

    or the next larger floating-point number, where that is no larger.

    Args:
        labels: Integer labels `[B]`.
        probabilities: `[B, K]` class probabilities.
        tree: A `ClassTree`.
        rule: `"climbing"` or `"selective"`, see `confidence_floor`.

    Returns:
        NumPy array `[B]` in the precision of the probabilities.

    Raises:
        ValueError: For another rule, rows that are no probabilities, or labels or shapes that do
            not fit.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> tight = tight_thresholds([0, 1, 2], [[0.5, 0.25, 0.25, 0.0]] * 3, tree)
    >>> [round(float(t), 3) for t in tight]  # car is right, car is wrong, land is wrong
    [0.0, 0.5, 0.75]

    Reference: Goren, Galil and El-Yaniv, Hierarchical Selective Classification (NeurIPS 2024),
    threshold algorithm.
    """
    _, found, right = nested_answers(labels, probabilities, as_tree(tree), rule)
    return tight_of(found, right)


def tight_of(found: np.ndarray, right: np.ndarray, listed: np.ndarray | None = None) -> np.ndarray:
    """`tight_thresholds` from what `nested_answers` returns, `[B, C]` each.

    Args:
        found: Probabilities of the nodes, coarse to fine.
        right: Which are right; right ones come first.
        listed: Which may be answered; they come first. All by default.
    """
    # Right answers come first (the root always is one), so the count says where they stop.
    first_wrong = np.minimum(right.sum(axis=1), right.shape[1] - 1)[:, None]
    wrong = np.take_along_axis(found, first_wrong, axis=1)[:, 0]
    above = np.take_along_axis(found, first_wrong - 1, axis=1)[:, 0].astype(np.float64)
    tight = (wrong + 1e-6 * (above - wrong)).astype(found.dtype)
    tight = np.maximum(tight, np.nextafter(wrong, np.asarray(np.inf, found.dtype)))
    never_wrong = right.all(axis=1)
    if listed is not None:
        never_wrong |= ~np.take_along_axis(listed, first_wrong, axis=1)[:, 0]
    return np.where(never_wrong, np.zeros_like(tight), tight)


def calibrate_threshold(
    labels: Tensor,
    probabilities: Tensor,
    tree: ClassTree | dict,
    accuracy: float,
    *,
    rule: str = "climbing",
) -> float:
    """Threshold for `confidence_floor` under which answers are right with a given probability.

    An answer is right if it is the label or an ancestor of it. With `theta_(1) <= ... <=
    theta_(n)` the tight thresholds of the calibration examples (see `tight_thresholds`), the
    result is `theta_(ceil((n + 1) accuracy))`, their conformal quantile. A new example drawn like
    the calibration examples (exchangeable with them) is then answered rightly with probability at
    least `accuracy`, over the draw of both, whatever the model. It says nothing about single
    classes, about data drawn otherwise, or about examples on which the model was trained: use
    held-out ones. Temperature scaling first does not change the guarantee, but may make the
    answers more specific.

    Args:
        labels: Integer labels `[n]` of held-out examples.
        probabilities: Their class probabilities `[n, K]`. Use the same precision (float32, say)
            as for the decisions later.
        tree: A `ClassTree`.
        accuracy: Wanted share of right answers, between 0 and 1.
        rule: `"climbing"` or `"selective"`, see `confidence_floor`.

    Returns:
        The threshold, a number from 0 to about 1. Infinity (always answer the root) where no
        smaller one can be guaranteed: `n < accuracy / (1 - accuracy)`.

    Raises:
        ValueError: For an accuracy out of range, no examples, rows that are no probabilities,
            labels that do not fit, or another rule, for which there is no such guarantee.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> threshold = calibrate_threshold([0, 0, 1], [[0.5, 0.25, 0.25, 0.0]] * 3, tree, 0.7)
    >>> round(threshold, 3)  # the third smallest of 0, 0 and 0.5: ceil(4 * 0.7) = 3
    0.5

    Reference: Goren, Galil and El-Yaniv, Hierarchical Selective Classification (NeurIPS 2024);
    Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005), for the quantile.
    """
    check_share("accuracy", accuracy)
    return conformal_quantile(tight_thresholds(labels, probabilities, tree, rule=rule), accuracy)


def check_share(name: str, value: float) -> float:
    """Return an option as a float if it is a number between 0 and 1, both excluded."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 < value < 1:
        raise ValueError(f"`{name}` must be between 0 and 1. Received: {name}={value!r}")
    return float(value)


def conformal_quantile(scores: np.ndarray, share: float) -> float:
    """Return the `ceil((n + 1) share)`-th smallest of n scores, or infinity.

    Raises:
        ValueError: If there is no score.
    """
    if not len(scores):
        raise ValueError("`probabilities` must hold at least one calibration example. Received: 0")
    # The small term keeps a product such as 100 * 0.55 = 55.00000000000001 from counting as 56.
    rank = max(math.ceil((len(scores) + 1) * share - 1e-9), 1)
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else math.inf
