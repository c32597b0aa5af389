"""Checks that figures of predictions share."""

from __future__ import annotations

import numpy as np


def check_labels(labels, num_classes: int, name: str = "labels") -> np.ndarray:
    """Return integer labels `[n]`, n > 0, after checking them."""
    labels = np.asarray(labels)
    if labels.ndim != 1 or not labels.size or labels.dtype.kind not in "iu":
        raise ValueError(
            f"`{name}` must be class indices [n], integer, at least one. "
            f"Received: dtype {labels.dtype}, shape {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"`{name}` must be from 0 to {num_classes - 1}. "
            f"Received: {labels.min()} to {labels.max()}"
        )
    return labels


def check_predicted(predicted, labels: np.ndarray, num_classes: int, name: str) -> np.ndarray:
    """Return predicted classes `[n]`; scores `[n, K]` are turned into their best class."""
    predicted = np.asarray(predicted)
    if predicted.ndim == 2 and predicted.shape[1] == num_classes:
        predicted = predicted.argmax(axis=1)
    predicted = check_labels(predicted, num_classes, name)
    if predicted.shape != labels.shape:
        raise ValueError(
            f"`{name}` must have one prediction per label. "
            f"Received: {len(predicted)} predictions, {len(labels)} labels"
        )
    return predicted


def check_probabilities(probabilities, labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Return class probabilities `[n, K]` after checking that rows sum to one."""
    p = np.asarray(probabilities, np.float64)
    if p.shape != (len(labels), num_classes):
        raise ValueError(
            f"Probabilities must have shape [{len(labels)}, {num_classes}]. Received: {p.shape}"
        )
    if p.min() < 0 or not np.abs(p.sum(axis=1) - 1).max() <= 1e-3:  # NaN fails as well
        raise ValueError(
            "Probabilities must not be negative, and each row must sum to 1. Received rows that "
            "sum to "
            f"{p.sum(axis=1).min():.3g} to {p.sum(axis=1).max():.3g}. Scores of a model become "
            "probabilities by `keras.ops.softmax(scores)`."
        )
    return p
