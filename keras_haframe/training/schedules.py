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

    Raises:
        ValueError: If `epochs` is not a positive integer.

    Example:

    >>> callback = epoch_cosine(0.1, epochs=4)
    >>> [round(callback.schedule(epoch, None), 4) for epoch in range(4)]
    [0.1, 0.0854, 0.05, 0.0146]

    Reference: HAFrame (ICCV 2023), training settings.
    """
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise ValueError(f"`epochs` must be a positive integer. Received: epochs={epochs!r}")
    return keras.callbacks.LearningRateScheduler(
        lambda epoch, _: learning_rate * (1 + math.cos(math.pi * epoch / epochs)) / 2
    )
