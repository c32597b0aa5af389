"""Scores of any classifier: checked, and told apart, logits from probabilities."""

from __future__ import annotations

import numpy as np

from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.checks import (
    SOFTMAX_TOLERANCE,
    SUM_TOLERANCE,
    are_distributions,
    check_probabilities,
)
from keras_haframe.tree_ops.options import check_choice
from keras_haframe.tree_ops.values import Tensor, to_numpy

KINDS = ("logits", "probabilities")
ROWS = 2**22  # entries of scores in work at a time, 16 MiB


def chunks(rows: int, columns: int) -> list[slice]:
    """Return slices of rows that hold about `ROWS` entries each."""
    step = max(1, ROWS // max(columns, 1))
    return [slice(i, min(i + step, rows)) for i in range(0, rows, step)]


def check_class_scores(scores: Tensor, tree: ClassTree, count: int | None = None) -> np.ndarray:
    """Scores as a float array `[n, K]` of at least float32.

    Args:
        scores: `[n, K]`, columns in the order of `tree.leaves`.
        tree: A `ClassTree`.
        count: Number of examples, if known.

    Raises:
        ValueError: For integers, NaN or infinity above, another shape (a transposed table and
            predicted classes in place of scores are told).

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> check_class_scores(np.zeros((4, 9)), tree)
    Traceback (most recent call last):
    ...
    ValueError: `scores` must have shape [n, 4], one column per class of the tree. Received shape: \
(4, 9). They look transposed: use `scores.T`.
    """
    array = to_numpy(scores, "scores")
    if array.dtype == object:  # columns of a table that are not all of one type
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"`scores` must be floats: {error}") from None
    k = tree.num_classes
    if array.ndim != 2 or array.shape[1] != k:
        raise ValueError(
            f"`scores` must have shape [{count or 'n'}, {k}], one column per class of the tree. "
            f"Received shape: {array.shape}{_shape_hint(array, k, count)}"
        )
    if array.dtype.kind in "iub":
        raise ValueError(
            f"`scores` must be floats, logits or probabilities. Received dtype {array.dtype}: "
            "one-hot answers have no ranking. If they are scores, use `scores.astype('float32')`."
        )
    if array.dtype.kind != "f":
        raise ValueError(f"`scores` must be floats. Received dtype {array.dtype}")
    if not len(array):
        raise ValueError("`scores` must hold at least one example. Received: 0 rows")
    if count is not None and len(array) != count:
        raise ValueError(
            "There must be one label per row of scores. Received: "
            f"{count} labels, {len(array)} rows"
        )
    array = array if array.dtype in (np.float32, np.float64) else array.astype(np.float32)
    sums = np.concatenate([array[rows].max(axis=1) for rows in chunks(*array.shape)])
    bad = ~np.isfinite(sums)
    if bad.any():
        raise ValueError(
            "Every row of `scores` must have a finite largest score and no NaN. Received: "
            f"{bad.sum()} rows without, the first is row {int(bad.argmax())}"
        )
    return array


def _shape_hint(array: np.ndarray, k: int, count: int | None) -> str:
    if array.ndim == 1:
        return ". Predicted classes alone are not enough: give the scores of all classes."
    if array.ndim == 2 and array.shape[0] == k and (count is None or array.shape[1] == count):
        return ". They look transposed: use `scores.T`."
    if array.ndim == 2 and array.shape[1] > k:
        return f": {array.shape[1] - k} more than classes, a background class perhaps. Drop them."
    if array.ndim == 2 and array.shape[1] < k:
        return f": {k - array.shape[1]} classes of the tree have no scores."
    return ""


def to_probabilities(scores: np.ndarray, kind: str | None = None) -> tuple[np.ndarray, str, str]:
    """Probabilities of scores, which are logits or probabilities.

    Without `kind` rows that are not negative and sum to 1 (within 0.005) are probabilities, and
    scores with anything below 0 or above 1 are logits, whose softmax is taken. What is neither is
    refused: nothing is guessed in silence.

    Args:
        scores: Float array `[n, K]`, checked.
        kind: `"logits"`, `"probabilities"`, or `None` to tell by the values.

    Returns:
        `(probabilities, kind, note)`: rows that sum to 1 to the last digits, the kind, and a
        sentence that says how it was told.

    Raises:
        ValueError: For probabilities given as logits or the reverse, and for values that could be
            either: from 0 to 1 or percent, with other sums.

    Example:

    >>> to_probabilities(np.array([[0.0, 0.0]]))[1:]
    ('logits', 'Scores are taken as logits: rows do not sum to 1.')
    """
    p = scores if scores.dtype == np.float64 else scores.astype(np.float32, copy=False)
    if kind is not None:
        check_choice("kind", kind, KINDS)
    if kind == "probabilities":
        check_probabilities(p, p.shape[1], what="`scores`")
        return _normalized(p), kind, "Scores are probabilities, as said."
    parts = chunks(*p.shape)
    if kind == "logits":
        if all(are_distributions(p[rows], SOFTMAX_TOLERANCE) for rows in parts):
            raise ValueError(
                "`kind='logits'` does not fit: every row is not negative and sums to 1. "
                "Use kind='probabilities'."
            )
        return _softmax(p), kind, "Scores are logits, as said."
    if all(are_distributions(p[rows], SUM_TOLERANCE) for rows in parts):
        note = "Scores are taken as probabilities: rows are not negative and sum to 1."
        return _normalized(p), "probabilities", note
    least = min(float(p[rows].min()) for rows in parts)
    sums = np.concatenate([p[rows].sum(axis=1, dtype=np.float64) for rows in parts])
    if least >= 0 and sums.max() > 0:
        most = max(float(p[rows].max()) for rows in parts)
        if most <= 1 or (np.abs(sums - 100) <= 100 * SUM_TOLERANCE).all():
            what = "percent: divide by 100" if most > 1 else "probabilities that lack classes"
            raise ValueError(
                "`scores` must be logits, or probabilities whose rows sum to 1. Received: none "
                f"below 0, rows that sum to {sums.min():.3g} to {sums.max():.3g}. They may be "
                f"{what}. Mend that, or say kind='logits' to take their softmax all the same."
            )
    return _softmax(p), "logits", "Scores are taken as logits: rows do not sum to 1."


def _normalized(p: np.ndarray) -> np.ndarray:
    return p / p.sum(axis=1, keepdims=True, dtype=np.float64).astype(p.dtype)


def _softmax(z: np.ndarray) -> np.ndarray:
    p = np.empty_like(z)
    for rows in chunks(*z.shape):
        part = np.exp(z[rows] - z[rows].max(axis=1, keepdims=True))
        p[rows] = part / part.sum(axis=1, keepdims=True)
    return p
