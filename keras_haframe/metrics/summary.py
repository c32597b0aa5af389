"""The papers' table row: all headline metrics of a set of scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from keras import ops

from keras_haframe.metrics.headline import ORDERING, headline_metrics
from keras_haframe.metrics.hierarchical_distance import HierarchicalDistance
from keras_haframe.metrics.mistake_severity import MistakeSeverity
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_labels, check_scores
from keras_haframe.tree_ops.columns import in_class_order
from keras_haframe.tree_ops.values import Tensor

BATCH = 4096


def summary(
    y_true: Tensor,
    y_pred: Tensor,
    tree: ClassTree | dict,
    *,
    ranks: Sequence[int] | None = None,
    ordering: bool = False,
    convention: str = "depth",
) -> dict[str, float]:
    """Top-1, mistake severity and hierarchical distance@k of class scores, see `HEADLINE`.

    Args:
        y_true: Integer labels `[n]`.
        y_pred: Class scores `[n, K]`, higher is better. The columns of a DataFrame are matched
            with `tree.leaves` by name.
        tree: A `ClassTree`.
        ranks: Values of k in place of 1, 5 and 20; those above K are left out.
        ordering: Also `hops`, `hops_20`, `hops_5` and `whole_order`, see `ORDERING`.
        convention: Distance convention, see `ClassTree.distances`.

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
    y_pred = in_class_order(y_pred, tree, "`y_pred`")
    scores = ops.convert_to_numpy(check_scores(y_pred, tree.num_classes))
    labels = check_labels(y_true, tree.num_classes, len(scores), least=1)
    if np.isnan(scores).any():
        raise ValueError("Scores must not be NaN: they have no ranking. Received NaN scores")
    columns = headline_metrics(tree, convention)
    if ranks is not None:
        known = [k for k in ranks if k <= tree.num_classes]
        columns = [m for m in columns if not isinstance(m, HierarchicalDistance)]
        columns += [HierarchicalDistance(tree, k, convention=convention) for k in known]
    if ordering:
        columns += [h.make(tree, convention) for h in ORDERING if h.classes <= tree.num_classes]
    for i in range(0, len(labels), BATCH):
        for metric in columns:
            metric.update_state(labels[i : i + BATCH], scores[i : i + BATCH])
    result = {m.name: float(m.result()) for m in columns}
    mistakes = sum(int(m.mistakes) for m in columns if isinstance(m, MistakeSeverity))
    return {**result, "mistakes": mistakes}
