"""What changes from epoch to epoch: the papers' learning rate, and HAFrame's alpha."""

from __future__ import annotations

import math
from typing import Any

import keras

from keras_haframe.losses import HAFrameLoss


def epoch_cosine(learning_rate: float, epochs: int) -> keras.callbacks.LearningRateScheduler:
    """Make a callback that sets the cosine learning rate once per epoch.

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


SCHEDULES = (
    "linear_decrease",
    "linear_increase",
    "cosine",
    "cosine_linear_increase",
    "cosine_linear_decrease",
)


def alpha_schedule(name: str, epoch: float, epochs: int, period: int = 20) -> tuple[float, float]:
    """Weights of the two losses at an epoch.

    Args:
        name: One of `"linear_decrease"` (alpha = 1 - e/N), `"linear_increase"` (e/N), `"cosine"`
            (0.5 (1 - cos(2 pi e/p))), `"cosine_linear_increase"` (cosine times e/N) and
            `"cosine_linear_decrease"` (1 - cosine times e/N).
        epoch: Epoch e from 0.
        epochs: Number of epochs N.
        period: Period p of the cosine, epochs.

    Returns:
        `(beta, alpha)`: weight of the cross-entropy and of the cosine loss.

    Raises:
        ValueError: For an unknown name.

    Example:

    >>> alpha_schedule("linear_decrease", epoch=25, epochs=100)
    (0.25, 0.75)

    Reference: options of HAFrame's released code; the paper keeps alpha constant.
    """
    if name not in SCHEDULES:
        raise ValueError(f"Unknown alpha schedule {name!r}. Choose one of {SCHEDULES}.")
    wave = 0.5 * (1 - math.cos(2 * math.pi * epoch / period))
    share = epoch / epochs
    alpha = {
        "linear_decrease": 1 - share,
        "linear_increase": share,
        "cosine": wave,
        "cosine_linear_increase": wave * share,
        "cosine_linear_decrease": 1 - wave * share,
    }[name]
    return 1 - alpha, alpha


class AlphaSchedule(keras.callbacks.Callback):
    """Set the weight of the cosine loss at the start of every epoch, for `method="haframe"`.

    As with learning-rate schedules, a run taken up with `fit(initial_epoch=...)` goes on where it
    was, and what was set last stays set when training is over and when the model is saved.

    Args:
        name: Name of the schedule, see `alpha_schedule`.
        epochs: Number of epochs of the whole training.
        period: Period of the cosine schedules, epochs.

    Raises:
        ValueError: For an unknown schedule, a model that was not compiled with `HAFrameLoss`, or
            a training of more epochs.

    Example:

    ```python
    schedule = AlphaSchedule("linear_increase", epochs=100)
    model.fit(images, labels, epochs=100, callbacks=[schedule])
    ```

    Reference: options of HAFrame's released code; the paper keeps alpha constant.
    """

    def __init__(self, name: str, epochs: int, period: int = 20):
        super().__init__()
        if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
            raise ValueError(f"`epochs` must be a positive integer. Received: epochs={epochs!r}")
        alpha_schedule(name, 0, epochs, period)
        self.name, self.epochs, self.period = name, epochs, period

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        loss = self.model.loss
        if not isinstance(loss, HAFrameLoss):
            raise ValueError(
                "AlphaSchedule sets the alpha of HAFrameLoss: use build(..., method='haframe'). "
                f"Received a model compiled with {type(loss).__name__}."
            )
        if self.params["epochs"] > self.epochs:
            raise ValueError(
                f"This AlphaSchedule is for {self.epochs} epochs. "
                f"Received: fit(epochs={self.params['epochs']})"
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.model.loss.alpha = alpha_schedule(self.name, epoch, self.epochs, self.period)[1]
