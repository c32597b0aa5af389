"""Checks of what users hand in, one wording each."""

from __future__ import annotations

import math
import numbers


def check_label_shape(shape, num_classes: int | None = None) -> None:
    """Raise a `ValueError` that says what to do unless `shape` is `[B]`."""
    shape = tuple(shape)
    if len(shape) == 1:
        return
    if len(shape) == 2 and shape[-1] == 1:
        mend = "Drop the last axis, for example with `numpy.squeeze(labels, -1)`."
    elif len(shape) == 2 and (num_classes is None or shape[-1] == num_classes):
        mend = "They look one-hot: use `numpy.argmax(labels, -1)`."
    else:
        mend = "Give one integer class index per example."
    raise ValueError(f"Labels must be integers of shape [batch]. Received shape: {shape}. {mend}")


def check_width(values, width: int, what: str, of: str):
    """Return outputs `[B, width]`, or raise a `ValueError` that says what is missing."""
    if values.shape[-1] != width:
        raise ValueError(
            f"{what} must have shape [batch, {width}], one per {of}. "
            f"Received shape: {tuple(values.shape)}"
        )
    return values


def non_negative(name: str, value) -> float:
    """Return an option as a float if it is a finite number that is not negative."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not 0 <= value < math.inf:
        raise ValueError(f"`{name}` must be a number in [0, inf). Received: {name}={value!r}")
    return float(value)
