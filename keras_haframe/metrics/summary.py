"""The papers' table row: all headline metrics of a set of scores."""

from __future__ import annotations

import numpy as np

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

    Reference: the columns of the tables of Liang and Davis, HAFrame (ICCV 2023).
    """
    tree = as_tree(tree)
    severity = MistakeSeverity(tree)
    columns = [
        Top1Accuracy(tree),
        severity,
        *(HierarchicalDistance(tree, k) for k in ranks if k <= tree.num_classes),
    ]
    labels, scores = np.asarray(y_true), np.asarray(y_pred)
    for i in range(0, len(labels), BATCH):
        for metric in columns:
            metric.update_state(labels[i : i + BATCH], scores[i : i + BATCH])
    result = {m.name: float(m.result()) for m in columns}
    return {**result, "mistakes": int(severity.mistakes)}
