"""Checks that figures of predictions share."""

from __future__ import annotations

import numpy as np

from keras_haframe.tree_ops.checks import check_labels, check_probabilities


def example_labels(labels, num_classes: int) -> np.ndarray:
    """Return integer labels `[n]`, n > 0, after checking them."""
    return check_labels(labels, num_classes, least=1)


def predicted_classes(labels: np.ndarray, predicted, num_classes: int, name: str) -> np.ndarray:
    """Return predicted classes `[n]`; scores `[n, K]` are turned into their best class."""
    predicted = np.asarray(predicted)
    if predicted.ndim == 2 and predicted.shape[1] == num_classes:
        predicted = predicted.argmax(axis=1)
    return check_labels(predicted, num_classes, len(labels), source=f"`{name}`")


def example_probabilities(labels: np.ndarray, probabilities, num_classes: int) -> np.ndarray:
    """Return class probabilities float64 `[n, K]` after checking that rows sum to one."""
    check_probabilities(probabilities, num_classes, len(labels))
    return np.asarray(probabilities, np.float64)
