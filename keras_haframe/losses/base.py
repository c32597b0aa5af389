"""What all losses share: integer labels that stay exact, and their checks."""

from __future__ import annotations

import math
import numbers

import keras
from keras import ops


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


def take_own(values, labels):
    """Entry `[B]` of every row of `values` `[B, K]` at its label."""
    return ops.take_along_axis(values, labels[:, None], axis=-1)[:, 0]


class LabelLoss(keras.losses.Loss):
    """Base class of losses of integer labels: a subclass is the maths in `loss(labels, outputs)`.

    Keras casts labels to the dtype of the loss; float32, forced here under any dtype policy,
    holds class indices up to 16 million exactly, where bfloat16 fails above 256.

    Args:
        reduction: Keras reduction over the batch; the mean by default.
        dtype: `"float32"` or `"float64"`.

    Attributes:
        training: Whether the loss serves a training step; `HierarchicalClassifier` sets it before
            every call. For losses that weigh examples in training only.
    """

    training = True

    def __init__(self, name: str, reduction="sum_over_batch_size", dtype=None):
        dtype = "float64" if dtype == "float64" else "float32"
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def __call__(self, y_true, y_pred, sample_weight=None):
        # Keras would take a plain list for a structure of tensors; here it is one array of labels.
        return super().__call__(ops.convert_to_tensor(y_true), y_pred, sample_weight)

    def call(self, y_true, y_pred):
        check_label_shape(y_true.shape)
        return self.loss(ops.cast(y_true, "int32"), y_pred)

    def loss(self, labels, outputs):
        """Loss per example `[B]` from int32 labels `[B]` and model outputs."""
        raise NotImplementedError

    def get_config(self):
        return {"name": self.name, "reduction": self.reduction, "dtype": self.dtype}
