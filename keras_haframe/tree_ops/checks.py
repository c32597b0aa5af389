"""Checks of what users hand in, one behavior and one wording each.

Values are checked where they are at hand: NumPy arrays and the tensors of eager code. In a compiled
step only shapes and dtypes are known.
"""

from __future__ import annotations

import math
import numbers
from typing import Any

import keras
import numpy as np
from keras import ops

# How far the sum of a row of probabilities may be from 1: half precision rounds that much away.
SUM_TOLERANCE = 1e-2


def concrete(values: Any) -> np.ndarray | None:
    """`values` as a NumPy array, or `None` where they are not known yet (in a compiled step)."""
    if isinstance(values, (np.ndarray, list, tuple, int, float, np.generic)):
        return np.asarray(values)
    try:
        return ops.convert_to_numpy(values)
    except (NotImplementedError, TypeError, ValueError, AttributeError):
        return None


# Labels ---------------------------------------------------------------------------------------


def check_label_shape(shape, num_classes: int | None = None) -> None:
    """Raise a `ValueError` that says what to do unless `shape` is `[B]`."""
    shape = tuple(shape)
    if len(shape) == 1:
        return
    if len(shape) == 2 and shape[-1] == 1:
        mend = "Drop the last axis, for example with `numpy.squeeze(labels, -1)`."
    elif len(shape) == 2 and (num_classes is None or shape[-1] == num_classes):
        mend = (
            "They look one-hot: use `numpy.argmax(labels, -1)`. If these are scores or "
            "probabilities, labels come first."
        )
    else:
        mend = "Give one integer class index per example."
    raise ValueError(f"Labels must be integers of shape [batch]. Received shape: {shape}. {mend}")


def check_labels(
    labels: Any, num_classes: int, count: int | None = None, source: str = "", least: int = 0
) -> np.ndarray:
    """Return labels as int64 `[n]` after a check of shape, dtype, range and number.

    Args:
        labels: Integer class indices `[n]`, values at hand.
        num_classes: K.
        count: Number of examples they must fit, if known.
        source: Where they are from, for the message, such as `"the validation data"`.
        least: How many there must be at least.

    Raises:
        ValueError: The message says what was received and how to mend it.
    """
    where = f" in {source}" if source else ""
    array = concrete(labels)
    if array is None:
        raise ValueError(
            "Labels must hold values, so call this outside compiled functions. "
            f"Received: {type(labels).__name__}"
        )
    check_label_shape(array.shape, num_classes)
    if count is not None and len(array) != count:
        raise ValueError(
            f"There must be one label per example. Received: {len(array)} labels for {count} "
            f"examples{where}."
        )
    if len(array) < least:
        raise ValueError(f"At least {least} example is needed. Received: {len(array)} labels")
    if array.size and array.dtype.kind not in "iu":
        raise ValueError(
            f"Labels must be integer class indices. Received dtype {array.dtype}{where}. "
            "Convert them, for example with `labels.astype('int32')`, or map names to indices "
            "with `tree.index(name)`."
        )
    if array.size and (array.min() < 0 or array.max() >= num_classes):
        bad = int(array.min() if array.min() < 0 else array.max())
        raise ValueError(
            f"Labels must be from 0 to {num_classes - 1}: the tree has {num_classes} classes. "
            f"Received label {bad}{where}. If labels start at 1, subtract 1; else the tree "
            "and the data name different classes."
        )
    return array.astype(np.int64)


# Scores and probabilities ---------------------------------------------------------------------


def full_precision(values: Any):
    """Return `values` as a tensor of at least float32: sums over classes need the digits."""
    values = ops.convert_to_tensor(values)
    dtype = keras.backend.standardize_dtype(values.dtype)
    return values if dtype in ("float32", "float64") else ops.cast(values, "float32")


def check_scores(scores: Any, num_classes: int, count: int | None = None, what: str = "Scores"):
    """Return scores as a tensor `[B, K]` after a check of their shape."""
    scores = ops.convert_to_tensor(scores)
    shape = tuple(scores.shape)
    if len(shape) != 2 or shape[-1] != num_classes or (count is not None and shape[0] != count):
        rows = "batch" if count is None else count
        raise ValueError(
            f"{what} must have shape [{rows}, {num_classes}], one column per class of the tree. "
            f"Received shape: {shape}"
        )
    return scores


def check_probabilities(probabilities: Any, num_classes: int, count: int | None = None):
    """Return class probabilities as a float tensor `[B, K]`; rows that are none are refused.

    Integers (one-hot rows) and half precision become float32: sums over many classes need digits.

    Args:
        probabilities: `[B, K]`, rows that sum to one.
        num_classes: K.
        count: Number of rows, if known.

    Raises:
        ValueError: For another shape, and, where the values are at hand, for rows with negative or
            NaN entries or another sum.
    """
    p = check_scores(probabilities, num_classes, count, "Probabilities")
    array = concrete(probabilities)
    if array is not None and array.size:
        lowest, low, high = sums_of(array)
        off = max(high - 1, 1 - low)
        if not (lowest >= 0 and off <= SUM_TOLERANCE):
            raise ValueError(
                "Probabilities must not be negative, and each row must sum to 1. Received rows "
                f"that sum to {low:.3g} to {high:.3g}, smallest entry {lowest:.3g}. Scores "
                "(logits) become probabilities by `model.predict_proba(x)` or "
                "`keras.ops.softmax(scores)`."
            )
    return full_precision(p)


def sums_of(array: np.ndarray) -> tuple[float, float, float]:
    """Smallest entry, smallest and largest row sum of an array `[B, K]`; NaN where one is NaN."""
    wide = np.float64 if array.dtype == np.float64 else np.float32
    sums = array.sum(axis=1, dtype=wide)
    return float(array.min()), float(sums.min()), float(sums.max())


def looks_like_probabilities(values: Any) -> bool:
    """Whether every row at hand is a distribution, which logits practically never are."""
    array = concrete(values)
    if array is None or array.ndim != 2 or not array.size:
        return False
    lowest, low, high = sums_of(array)
    return lowest >= 0 and max(high - 1, 1 - low) <= SUM_TOLERANCE


# Numbers --------------------------------------------------------------------------------------


def check_level(level: int, height: int) -> int:
    """Return a level of the tree as a number from 1 to `height`.

    Levels are depths, as the papers number them: 1 are the children of the root, `height` the
    classes. Negative numbers count from the classes: -1 the classes, -2 their parents.
    """
    integer = isinstance(level, (int, np.integer)) and not isinstance(level, bool)
    if not integer or not (1 <= level <= height or -height <= level <= -1):
        raise ValueError(
            f"`level` must be an integer from 1 (children of the root) to {height} (classes), or "
            f"from -1 (classes) to {-height} upwards; 0 would be the root. "
            f"Received: level={level!r}"
        )
    return int(level) if level > 0 else height + 1 + int(level)


def check_rank(k: int, num_classes: int) -> int:
    """Return a number of classes from the top of a ranking, 1 to K."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= num_classes:
        raise ValueError(
            f"`k` must be an integer from 1 to the number of classes {num_classes}. "
            f"Received: k={k!r}"
        )
    return int(k)


def check_width(values, width: int, what: str, of: str):
    """Return outputs `[B, width]`, or raise a `ValueError` that says what is missing."""
    if values.shape[-1] != width:
        raise ValueError(
            f"{what} must have shape [batch, {width}], one per {of}. "
            f"Received shape: {tuple(values.shape)}"
        )
    return values


def check_count(value: Any, name: str, least: int = 1) -> int:
    """Return an option as an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        kind = "a positive integer" if least == 1 else f"an integer of at least {least}"
        raise ValueError(f"`{name}` must be {kind}. Received: {name}={value!r}")
    return int(value)


def non_negative(name: str, value: Any) -> float:
    """Return an option as a float if it is a finite number that is not negative."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not 0 <= value < math.inf:
        raise ValueError(f"`{name}` must be a number in [0, inf). Received: {name}={value!r}")
    return float(value)
