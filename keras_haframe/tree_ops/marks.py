"""Labels and weights of a batch, in eager and in compiled code.

Where values are at hand an error says what is wrong. A compiled step cannot raise: there an example
that cannot be counted is marked by NaN in place of its label, and what is computed of it is NaN,
which is seen, not a number, which is believed.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from keras_haframe.tree_ops.checks import (
    SOFTMAX_TOLERANCE,
    SUM_TOLERANCE,
    check_label_dtype,
    check_label_shape,
    check_labels,
    check_weights,
)
from keras_haframe.tree_ops.values import Tensor, holds_values

NAN = float("nan")


def marked_labels(
    labels: Tensor,
    outputs: Tensor | list | dict,
    num_classes: int | None,
    dtype: str = "float32",
    whole: bool = False,
) -> Tensor:
    """Labels `[B]` as floats, NaN for the examples that cannot be counted.

    These are the ones with a NaN in an output and, in compiled code, those whose label is no whole
    number from 0 to K - 1; all of them where there are more or fewer labels than rows.

    Args:
        labels: Integer class indices `[B]`.
        outputs: What belongs to them, tensors whose first axis is the batch.
        num_classes: K, `None` where it is not known.
        dtype: Of the result; float32 holds indices up to 16 million.
        whole: Take floats that are whole numbers, as Keras makes of labels.

    Raises:
        ValueError: For wrong shapes and, where the values are at hand, wrong labels.

    Example:

    >>> marked = marked_labels([1, 0], keras.ops.convert_to_tensor([[0.5], [float("nan")]]), 4)
    >>> [float(y) for y in marked]
    [1.0, nan]
    """
    leaves = [leaf for leaf in keras.tree.flatten(outputs) if len(leaf.shape)]
    counts = {leaf.shape[0] for leaf in leaves} - {None}
    if len(counts) > 1:
        raise ValueError(
            f"All outputs must have one row per example. Received: {sorted(counts)} rows"
        )
    count = next(iter(counts), None)
    if holds_values(labels):
        array = check_labels(labels, num_classes, count, whole=whole)
        marked = ops.convert_to_tensor(array.astype(dtype))
    else:
        labels = ops.convert_to_tensor(labels)
        check_label_shape(labels.shape, num_classes)
        check_label_dtype(labels.dtype, floats=True)
        inside = labels >= 0
        if "float" in keras.backend.standardize_dtype(labels.dtype):
            inside = ops.logical_and(inside, labels == ops.floor(labels))
        if num_classes is not None:
            inside = ops.logical_and(inside, labels < num_classes)
        marked = ops.where(inside, ops.cast(labels, dtype), NAN)
        marked = _as_many_as(marked, leaves, count, "labels")
    for leaf in leaves:
        if "float" in keras.backend.standardize_dtype(leaf.dtype):
            lost = ops.any(ops.isnan(leaf), axis=tuple(range(1, len(leaf.shape))))
            marked = ops.where(lost, NAN, marked)
    return marked


def split_marks(marked: Tensor) -> tuple[Tensor, Tensor]:
    """Return int32 labels `[B]`, 0 for marked examples, and whether they are marked, bool `[B]`."""
    lost = ops.isnan(marked)
    return ops.cast(ops.where(lost, 0.0, marked), "int32"), lost


def poisoned(values: Tensor, lost: Tensor) -> Tensor:
    """`values` `[B, ...]`, NaN where an example is marked; a number is NaN if any example is."""
    rank = len(values.shape)
    lost = ops.any(lost) if not rank else ops.reshape(lost, (-1, *[1] * (rank - 1)))
    return ops.where(lost, NAN, values)


def example_weights(weights: Tensor, like: Tensor, dtype: str) -> Tensor:
    """Sample weights as a tensor `[B]`, or a number for all, of a dtype.

    Args:
        weights: `[B]`, `[B, 1]` or a number, finite and not negative; in compiled code others are
            NaN.
        like: Tensor `[B, ...]`.
        dtype: Of the result.

    Raises:
        ValueError: For wrong shapes and, where the values are at hand, wrong weights.
    """
    dtype = keras.backend.standardize_dtype(dtype)
    if holds_values(weights):
        return ops.convert_to_tensor(check_weights(weights, like.shape[0]).astype(dtype))
    weights = ops.convert_to_tensor(weights)
    if len(weights.shape) > 2 or (len(weights.shape) == 2 and weights.shape[1] not in (1, None)):
        raise ValueError(
            "Sample weights must have shape [batch], one number per example. "
            f"Received shape: {tuple(weights.shape)}"
        )
    weights = ops.cast(weights, dtype)
    weights = ops.where(ops.logical_and(weights >= 0, weights < np.inf), weights, NAN)
    if not len(weights.shape):
        return weights
    return _as_many_as(ops.reshape(weights, (-1,)), [like], like.shape[0], "sample weights")


def of_another_kind(rows: Tensor, logits: bool) -> Tensor:
    """Whether rows `[B, K]` of compiled code are probabilities in place of logits, or no such.

    Returns:
        bool `[B]`: rows that are no distribution; with `logits` true for all where every row is
        one, which those of logits practically never are.
    """
    sums, tolerance = ops.sum(rows, axis=-1), SOFTMAX_TOLERANCE if logits else SUM_TOLERANCE
    alike = ops.logical_and(ops.min(rows, axis=-1) >= 0, ops.abs(sums - 1) <= tolerance)
    if not logits:
        return ops.logical_not(alike)
    return ops.logical_and(ops.all(alike), ops.ones_like(alike))


def _as_many_as(values: Tensor, leaves: list, count: int | None, what: str) -> Tensor:
    """Values `[n]` as `[B]`: NaN throughout where `n` turns out to be another number."""
    number = values.shape[0]
    if None not in (number, count) or not leaves:
        if leaves and number != count:
            raise ValueError(
                f"There must be one per example. Received: {number} {what} for {count} examples"
            )
        return values
    rows, number = ops.shape(leaves[0])[0], ops.shape(values)[0]
    padded = ops.concatenate([values, ops.full((1,), NAN, dtype=values.dtype)])
    found = ops.take(padded, ops.minimum(ops.arange(rows), number), axis=0)
    return ops.where(ops.equal(number, rows), found, NAN)
