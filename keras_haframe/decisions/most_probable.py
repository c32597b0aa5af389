"""The plain decision: the class with the highest score."""

from __future__ import annotations

import keras
from keras import ops

from keras_haframe.tree_ops.values import Tensor, holds_values, number_tensor


def most_probable(scores: Tensor) -> Tensor:
    """Class with the highest score per example; the lower index among equals.

    Args:
        scores: `[B, K]` class scores or probabilities, higher is better.

    Returns:
        int32 tensor `[B]`.

    Raises:
        ValueError: For another shape, and for NaN where the values are at hand.

    Example:

    >>> int(most_probable([[0.1, 0.6, 0.3]])[0])
    1
    """
    scores = number_tensor(scores, "`scores`")
    if len(scores.shape) != 2 or not scores.shape[1]:
        raise ValueError(
            f"`scores` must have shape [batch, classes]. Received shape: {tuple(scores.shape)}"
        )
    if holds_values(scores) and "float" in keras.backend.standardize_dtype(scores.dtype):
        if bool(ops.any(ops.isnan(scores))):
            raise ValueError("`scores` must not be NaN: they have no ranking. Received NaN")
    return ops.cast(ops.argmax(scores, axis=-1), "int32")
