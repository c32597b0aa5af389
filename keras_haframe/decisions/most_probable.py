"""The plain decision: the class with the highest score."""

from __future__ import annotations

from keras import ops

from keras_haframe.tree_ops.values import Tensor


def most_probable(scores: Tensor) -> Tensor:
    """Class with the highest score per example; the lower index among equals.

    Args:
        scores: `[B, K]` class scores or probabilities, higher is better.

    Returns:
        int32 tensor `[B]`.

    Example:

    >>> int(most_probable([[0.1, 0.6, 0.3]])[0])
    1
    """
    return ops.cast(ops.argmax(ops.convert_to_tensor(scores), axis=-1), "int32")
