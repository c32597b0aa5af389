"""Learning-rate schedules of the papers."""

from __future__ import annotations

import math

import keras


def epoch_cosine(learning_rate: float, epochs: int) -> keras.callbacks.LearningRateScheduler:
    """Callback that sets the cosine learning rate once per epoch.

    `lr_e = learning_rate (1 + cos(pi e / epochs)) / 2`, `e = 0 .. epochs - 1`.

    Args:
        learning_rate: Rate of the first epoch.
        epochs: Number of epochs.

    Returns:
        A `keras.callbacks.LearningRateScheduler`.

    Reference: HAFrame (ICCV 2023), training settings.
    """
    return keras.callbacks.LearningRateScheduler(
        lambda epoch, _: learning_rate * (1 + math.cos(math.pi * epoch / epochs)) / 2
    )
