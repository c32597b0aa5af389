"""The papers' table row: all headline metrics of a set of scores."""

from __future__ import annotations

import numpy as np
from keras import ops

from keras_haframe.metrics.hierarchical_distance import HierarchicalDistance
from keras_haframe.metrics.mistake_severity import MistakeSeverity
from keras_haframe.metrics.top1 import Top1Accuracy
from keras_haframe.tree import as_tree

BATCH = 4096


def summary(y_true, y_pred, tree, ranks: tuple[int, ...] = (1, 5, 20)) -> dict[str, float]:
    """Top-1, mistake severity and hierarchical distance@k of class scores.

    Args:
        y_true: Integer labels `[n]`.
        y_pred: Class scores `[n, K]`, higher is better.
        tree: A `ClassTree`.
        ranks: Values of k; those above K are left out.

    Returns:
        `{"top1", "severity", "mistakes", "hier_dist_1", ...}`: top-1 as a fraction, severity in
        levels (NaN without mistakes), the number of mistakes, distances in levels.

    Raises:
        ValueError: If there are no examples, more or fewer labels than rows of scores, labels
            outside `0 .. K - 1`, NaN scores, or shapes that do not fit.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> row = summary([0, 1], [[4, 3, 2, 1], [4, 3, 2, 1]], tree)  # the truck is taken for a car
    >>> row["top1"], row["severity"], row["mistakes"], row["hier_dist_1"]
    (0.5, 1.0, 1, 0.5)

    Reference: the columns of the tables of Liang and Davis, HAFrame (ICCV 2023).
    """
    tree = as_tree(tree)
    severity = MistakeSeverity(tree)
    columns = [
        Top1Accuracy(tree),
        severity,
        *(HierarchicalDistance(tree, k) for k in ranks if k <= tree.num_classes),
    ]
    labels, scores = ops.convert_to_numpy(y_true), ops.convert_to_numpy(y_pred)
    _check(labels, scores, tree.num_classes)
    for i in range(0, len(labels), BATCH):
        for metric in columns:
            metric.update_state(labels[i : i + BATCH], scores[i : i + BATCH])
    result = {m.name: float(m.result()) for m in columns}
    return {**result, "mistakes": int(severity.mistakes)}


def _check(labels: np.ndarray, scores: np.ndarray, num_classes: int) -> None:
    """Raise for input that the metrics would average without a word; they check the shapes."""
    if labels.ndim != 1 or scores.ndim != 2:
        return
    if len(labels) != len(scores):
        raise ValueError(
            f"There must be as many labels as rows of scores. Received: {len(labels)} labels and "
            f"{len(scores)} rows of scores"
        )
    if not len(labels):
        raise ValueError("`summary` needs at least one example. Received: none")
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if len(wrong):
        raise ValueError(
            f"Labels must be from 0 to {num_classes - 1}: the tree has {num_classes} classes. "
            f"Received label {wrong[0]}"
        )
    if np.isnan(scores).any():
        raise ValueError("Scores must not be NaN: they have no ranking. Received NaN scores")
