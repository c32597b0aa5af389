"""What figures of predictions check."""

from __future__ import annotations

import numpy as np

from keras_haframe.tree_ops.checks import check_labels, check_not_masked
from keras_haframe.tree_ops.values import Tensor, to_numbers, to_numpy


def check_predictions(
    predictions: Tensor, labels: np.ndarray, num_classes: int, name: str = "predictions"
) -> np.ndarray:
    """Return predicted classes `[n]`; scores `[n, K]` are turned into their best class."""
    check_not_masked(predictions, f"`{name}`")
    predictions = to_numpy(predictions, name)
    if predictions.ndim == 2 and predictions.shape[1] == num_classes:
        scores = to_numbers(predictions, f"`{name}`")
        if np.isnan(scores).any():
            raise ValueError(f"`{name}` must not be NaN: they have no ranking. Received NaN")
        predictions = scores.argmax(axis=1)
    return check_labels(predictions, num_classes, len(labels), f"`{name}`", least=1)
