"""Checks of what users hand in, one behavior and one wording each.

Values are checked where they are at hand: NumPy arrays and the tensors of eager code. In a compiled
step only shapes and dtypes are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_haframe.tree.validation import listed
from keras_haframe.tree_ops.columns import column_names, is_numbered
from keras_haframe.tree_ops.values import (
    Tensor,
    full_precision,
    holds_values,
    is_real_float,
    number_tensor,
    to_numbers,
    to_numpy,
)

# How far from 1 a row of probabilities may sum: half precision rounds up to so much away.
SUM_TOLERANCE = 5e-3
BFLOAT16_TOLERANCE = 2e-2  # some processors also sum in bfloat16: a row of 1,000 was 0.009 off
SOFTMAX_TOLERANCE = 1e-5  # no row of scores sums to 1 so closely by chance


# Labels ---------------------------------------------------------------------------------------


def check_label_shape(shape: Sequence, num_classes: int | None = None) -> None:
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
    labels: Tensor,
    num_classes: int | None,
    count: int | None = None,
    source: str = "",
    least: int = 0,
    whole: bool = False,
) -> np.ndarray:
    """Return labels as int64 `[n]` after a check of shape, dtype, range and number.

    Args:
        labels: Integer class indices `[n]`, values at hand.
        num_classes: K, `None` where it is not known.
        count: Number of examples they must fit, if known.
        source: Where they are from, for the message, such as `"the validation data"`.
        least: How many there must be at least.
        whole: Take floats that are whole numbers.

    Raises:
        ValueError: The message says what was received and how to mend it.

    Example:

    >>> check_labels([0, 3], num_classes=4)
    array([0, 3])
    """
    where = f" in {source}" if source else ""
    array = to_numpy(labels, "labels")
    check_not_masked(labels, "Labels")
    check_label_shape(array.shape, num_classes)
    if count is not None and len(array) != count:
        raise ValueError(
            f"There must be one label per example. Received: {len(array)} labels for {count} "
            f"examples{where}."
        )
    if len(array) < least:
        raise ValueError(
            f"At least {least} example is needed. Received: {len(array)} labels{where}"
        )
    if not len(array):
        return np.zeros(0, np.int64)  # an empty list is float64
    if whole and is_real_float(array.dtype) and (array == np.floor(array)).all():
        if (np.abs(array) < 2.0**53).all():
            array = array.astype(np.int64)
    check_label_dtype(array.dtype, where)
    most = np.inf if num_classes is None else num_classes - 1
    if array.min() < 0 or array.max() > most:
        bad = int(array.min() if array.min() < 0 else array.max())
        raise ValueError(
            f"Labels must be from 0 to {most}: the tree has {num_classes} classes. "
            f"Received label {bad}{where}. If labels start at 1, subtract 1; else the tree "
            "and the data name different classes."
        )
    return array.astype(np.int64)


def check_label_dtype(dtype: Any, where: str = "", floats: bool = False) -> None:
    """Raise unless a dtype is one of integers; `floats` of compiled code may hold them, too."""
    name = getattr(dtype, "name", str(dtype).split(".")[-1])  # NumPy, TensorFlow; PyTorch
    if name.startswith(("int", "uint")) or (floats and "float" in name):
        return
    raise ValueError(
        f"Labels must be integer class indices. Received dtype {name}{where}. "
        "Convert them, for example with `labels.astype('int32')`, or map names to indices "
        "with `tree.index(name)`."
    )


def check_not_masked(values: Any, what: str) -> None:
    """Raise for masked arrays: nothing here knows of the mask."""
    if np.ma.is_masked(values):
        raise ValueError(
            f"{what} must not be masked. Received: a masked array with {np.ma.count_masked(values)}"
            " masked entries. Leave those examples out."
        )


def check_weights(
    weights: Tensor, count: int | None = None, source: str = "", columns: int = 1
) -> np.ndarray:
    """Return sample weights as an array `[n]` (or `[]`, one for all) after a check.

    Args:
        weights: Finite numbers that are not negative, `[n]`, `[n, 1]` or one for all.
        count: Number of examples they must fit, if known.
        source: Where they are from, for the message.
        columns: How many an example may have: two where images are mixed in pairs.
    """
    where = f" in {source}" if source else ""
    array = to_numbers(weights, f"Sample weights{where}")
    check_not_masked(weights, "Sample weights")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    known = array.ndim == 0 or (count is None or len(array) == count)
    if array.ndim > 2 or (array.ndim == 2 and array.shape[1] != columns) or not known:
        rows = "batch" if count is None else count
        raise ValueError(
            f"Sample weights must have shape [{rows}], one number per example{where}. "
            f"Received shape: {np.shape(array)}"
        )
    wrong = ~(np.isfinite(array) & (array >= 0))
    if wrong.any():
        raise ValueError(
            "Sample weights must be finite and not negative. Received: "
            f"{array[wrong].ravel()[0] if array.ndim else array}{where}"
        )
    return array


# Scores and probabilities ---------------------------------------------------------------------


def check_width(values: Tensor, width: int, what: str, of: str) -> Tensor:
    """Return outputs `[B, width]`, or raise a `ValueError` that says what is missing."""
    if len(values.shape) != 2 or values.shape[-1] != width:
        raise ValueError(
            f"{what} must have shape [batch, {width}], one per {of}. "
            f"Received shape: {tuple(values.shape)}"
        )
    return values


def check_scores(
    scores: Tensor, num_classes: int, count: int | None = None, what: str = "Scores"
) -> Tensor:
    """Return scores as a tensor `[B, K]` after a check of their shape.

    A table with named columns is refused: without the tree their order is not known to be right.
    """
    names = column_names(scores)
    if names is not None and not (is_numbered(names) and names == sorted(names)):
        raise ValueError(
            f"{what} must be an array: the columns of a table may be in another order than the "
            f"classes. Give `table[tree.leaves].to_numpy()`. Received columns: {listed(names)}"
        )
    scores = number_tensor(scores, what)
    shape = tuple(scores.shape)
    if len(shape) != 2 or shape[-1] != num_classes or (count is not None and shape[0] != count):
        rows = "batch" if count is None else count
        raise ValueError(
            f"{what} must have shape [{rows}, {num_classes}], one column per class of the tree. "
            f"Received shape: {shape}"
        )
    return scores


def check_probabilities(
    probabilities: Tensor, num_classes: int, count: int | None = None, what: str = "Probabilities"
) -> Tensor:
    """Return class probabilities as a float tensor `[B, K]`; rows that are none are refused.

    A row must have no negative or NaN entry and sum to 1 within 0.005, of bfloat16 0.02.
    Integers (one-hot rows) and half precision become float32: sums over many classes need digits.
    The sums are taken where the tensor lies, and in compiled code, which knows no values, not at
    all.

    Args:
        probabilities: `[B, K]`, rows that sum to one.
        num_classes: K.
        count: Number of rows, if known.
        what: What to call them in an error.

    Raises:
        ValueError: For another shape, and, where the values are at hand, for rows with negative or
            NaN entries or another sum.

    Example:

    >>> check_probabilities([[2.0, -1.0]], 2)
    Traceback (most recent call last):
    ...
    ValueError: Probabilities must not be negative, and each row must sum to 1. Received: row 0 \
sums to 1, its smallest entry is -1. These look like scores (logits), which become probabilities \
by `model.predict_proba(x)` or `keras.ops.softmax(scores)`.
    """
    scores = check_scores(probabilities, num_classes, count, what)
    coarse = keras.backend.standardize_dtype(scores.dtype) == "bfloat16"
    tolerance = BFLOAT16_TOLERANCE if coarse else SUM_TOLERANCE
    p = full_precision(scores)
    if not holds_values(p) or not p.shape[0] or are_distributions(p, tolerance):
        return p
    rows = ops.convert_to_numpy(p).astype(np.float64)
    least, sums = rows.min(axis=1), rows.sum(axis=1)
    bad = int(np.argmin((least >= 0) & (np.abs(sums - 1) <= tolerance)))
    if np.isnan(sums[bad]):
        received = f"NaN in row {bad}: the network may have diverged."
    else:
        received = (
            f"row {bad} sums to {sums[bad]:.3g}, its smallest entry is {least[bad]:.3g}. These "
            "look like scores (logits), which become probabilities by `model.predict_proba(x)` or "
            "`keras.ops.softmax(scores)`."
        )
    raise ValueError(
        f"{what} must not be negative, and each row must sum to 1. Received: {received}"
    )


def check_logits(scores: Tensor, what: str, mend: str) -> Tensor:
    """Return scores whose softmax is wanted as a float tensor; refuse the result of a softmax.

    Args:
        scores: `[B, K]`.
        what: What to call them in an error.
        mend: What to do instead, a sentence for the error.

    Raises:
        ValueError: Where the values are at hand and every row is a distribution already, which
            those of logits practically never are.
    """
    scores = full_precision(number_tensor(scores, what))
    known = len(scores.shape) == 2 and 0 not in scores.shape and holds_values(scores)
    if known and are_distributions(scores, SOFTMAX_TOLERANCE):
        raise ValueError(
            f"{what} must be class scores (logits), whose softmax is taken here. Received: rows "
            f"that are not negative and sum to 1, so probabilities already. {mend}"
        )
    return scores


def are_distributions(p: Tensor, tolerance: float) -> bool:
    """Whether every row of a float tensor `[B, K]` is a distribution."""
    p = ops.stop_gradient(ops.convert_to_tensor(p))
    away = ops.max(ops.abs(ops.sum(p, axis=-1) - 1))
    least, away = (float(ops.convert_to_numpy(v)) for v in (ops.min(p), away))
    return least >= 0 and away <= tolerance  # false for NaN as well


def check_floors(value: Any, name: str, most: float = np.inf) -> np.ndarray:
    """Return confidence floors as float64 array: numbers from 0 to `most`, one or several."""
    floors = to_numbers(value, f"`{name}`")
    wrong = ~((floors >= 0) & (floors <= most))
    if floors.dtype == bool or wrong.any():
        bad = "booleans" if floors.dtype == bool else f"{floors[wrong].ravel()[0]:g}"
        upto = f"from 0 to {most:g}" if most < np.inf else "of 0 or more"
        raise ValueError(f"`{name}` must be a probability {upto}. Received: {name}={bad}")
    return floors.astype(np.float64)
