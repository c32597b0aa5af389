"""Checks of features and classifiers: tensors of any backend become finite NumPy arrays."""

from __future__ import annotations

import numpy as np

from keras_haframe.tree_ops.values import Tensor, to_numpy

# ml_dtypes report kind "V" although they convert to float64 without loss.
_EXTRA_FLOATS = ("bfloat16", "float8")


class NonFiniteError(ValueError):
    """Raised for NaN or infinite values, which a diverged network produces."""


def check_matrix(value: Tensor, name: str, rows: int | None, columns: int) -> np.ndarray:
    """Return a finite real `[rows, columns]` array in its own dtype (`rows=None`: any number).

    Raises:
        ValueError: On a wrong shape or a dtype which holds no real numbers; its subclass
            `NonFiniteError` on NaN or infinity.
    """
    array = to_numpy(value, name)
    if array.ndim != 2 or array.shape[1] != columns or (rows is not None and len(array) != rows):
        hint = ""
        if array.ndim == 2 and rows is not None and array.shape == (columns, rows):
            hint = " A Keras Dense kernel is [d, K]: pass its transpose."
        elif array.ndim > 2:
            hint = " Pool or flatten convolutional features first."
        expected = f"[{'B' if rows is None else rows}, {columns}]"
        raise ValueError(
            f"`{name}` must have shape {expected}. Received shape: {array.shape}.{hint}"
        )
    if array.dtype.kind not in "biuf" and not array.dtype.name.startswith(_EXTRA_FLOATS):
        raise ValueError(f"`{name}` must hold real numbers. Received dtype: {array.dtype}.")
    finite = np.isfinite(array)
    if not finite.all():
        bad = np.flatnonzero(~finite.all(axis=1))
        raise NonFiniteError(
            f"`{name}` must be finite. Received NaN or infinity in {bad.size} of {len(array)} "
            f"rows, the first at row {bad[0]}: the network has diverged, or it was run in a "
            "half precision that overflows."
        )
    return array


def check_classifier(
    classifier: Tensor, bias: Tensor | None, num_classes: int, dim: int
) -> tuple[np.ndarray, np.ndarray]:
    """Float64 classifier rows `[K, d]` and bias `[K]` (zeros for None).

    Raises:
        ValueError: On wrong shapes, or NaN or infinity.
    """
    rows = check_matrix(classifier, "classifier", num_classes, dim)
    if bias is None:
        return rows.astype(np.float64, copy=False), np.zeros(num_classes)
    bias = to_numpy(bias, "bias")
    if bias.shape != (num_classes,):
        raise ValueError(f"`bias` must have shape ({num_classes},). Received shape: {bias.shape}.")
    bias = check_matrix(bias[None], "bias", 1, num_classes)[0]
    return rows.astype(np.float64, copy=False), bias.astype(np.float64)
