"""What changes from epoch to epoch: the papers' learning rate, and HAFrame's alpha."""

from __future__ import annotations

import contextlib
import math

import keras

from keras_haframe.losses import HAFrameLoss


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
    was, and what was set last stays set when training is over. A saved model has its own alpha
    again.

    Args:
        name: Name of the schedule, see `alpha_schedule`.
        epochs: Number of epochs of the whole training.
        period: Period of the cosine schedules, epochs.

    Raises:
        ValueError: For an unknown schedule, or a model that was not compiled with `HAFrameLoss`.

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

    def set_model(self, model: keras.Model) -> None:
        """Give the loss a variable for alpha that compiled training steps see change."""
        super().set_model(model)
        loss = model.loss
        if not isinstance(loss, HAFrameLoss):
            raise ValueError(
                "AlphaSchedule sets the alpha of HAFrameLoss: use build(..., method='haframe'). "
                f"Received a model compiled with {type(loss).__name__}."
            )
        if loss.schedule is None:
            with _scope(model):
                loss.schedule = model.add_weight(
                    shape=(), initializer="zeros", dtype="float32", trainable=False, name="alpha"
                )
            for make in (model.make_train_function, model.make_test_function):
                make(force=True)  # a step compiled before holds alpha as a constant

    def on_epoch_begin(self, epoch, logs=None):
        _, alpha = alpha_schedule(self.name, epoch, self.epochs, self.period)
        self.model.loss.schedule.assign(alpha)


def _scope(model: keras.Model):
    strategy = getattr(model, "distribute_strategy", None)  # of TensorFlow, where there is one
    return contextlib.nullcontext() if strategy is None else strategy.scope()
