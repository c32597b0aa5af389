"""What a file or table of scores holds."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

LABELS = ("label", "labels", "y_true", "target", "class")


class Table(NamedTuple):
    """What a file or table holds.

    Attributes:
        scores: `[n, K]` in the order of `tree.leaves`.
        labels: `[n]`, as they are in the table, or `None`.
        kind: `"logits"` or `"probabilities"` where the table says so.
        notes: What was understood, one sentence each.
    """

    scores: Any
    labels: Any = None
    kind: str | None = None
    notes: tuple[str, ...] = ()


def reordered(order: list[int], labels: np.ndarray | None) -> tuple[Any, list[str]]:
    """Labels of a table whose columns are put in order; numbers are those of its own columns."""
    if order == sorted(order):
        return labels, []
    notes = ["Columns were put in the order of the tree's classes, by their names."]
    if labels is not None and labels.dtype.kind in "iu" and labels.ndim == 1 and len(labels):
        if labels.min() >= 0 and labels.max() < len(order):  # else the check of labels tells
            labels = np.argsort(order)[labels]
            notes.append("Its labels are numbers, taken as those of its own columns of classes.")
    return labels, notes
