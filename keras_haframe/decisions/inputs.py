"""Checks and conversions that several decisions share."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from keras_haframe.tree_ops.checks import check_label_shape


def full_precision(values):
    """Return `values` as a tensor of at least float32: sums over classes need the digits."""
    values = ops.convert_to_tensor(values)
    dtype = keras.backend.standardize_dtype(values.dtype)
    return values if dtype in ("float32", "float64") else ops.cast(values, "float32")


def class_labels(labels, num_classes: int, batch: int) -> np.ndarray:
    """Return `labels` as a NumPy array `[batch]` after checking shape, type and range."""
    labels = np.asarray(ops.convert_to_numpy(labels))
    check_label_shape(labels.shape, num_classes)
    if len(labels) != batch:
        raise ValueError(
            f"There must be one label per example. Received: {len(labels)} labels for "
            f"{batch} examples."
        )
    if labels.size and labels.dtype.kind not in "iu":
        raise ValueError(f"Labels must be integers. Received dtype: {labels.dtype}")
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        bad = int(labels.min() if labels.min() < 0 else labels.max())
        raise ValueError(f"Labels must be from 0 to {num_classes - 1}. Received label: {bad}")
    return labels.astype(np.int64)
