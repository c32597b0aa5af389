"""Checks that every loss of this package must pass, given a twin in NumPy loops."""

import keras
import numpy as np
from keras import ops

from tests.gradients import BACKEND, DTYPE, assert_close, differentiated, numeric_gradient


def check_loss(loss, labels, outputs, twin, x, gradient_twin=None):
    """Compare value and gradient with the twin, plain and compiled, and rebuild from the config.

    Args:
        loss: The loss, of dtype `DTYPE`.
        labels: Integer labels `[B]`.
        outputs: Function of the tensor x to what the loss takes.
        twin: NumPy function of x to the mean loss.
        x: float64 array.
        gradient_twin: NumPy function whose differences give the gradient; `twin` by default. For
            losses that hold part of x constant.
    """
    expected = twin(x)
    slope = numeric_gradient(gradient_twin or twin, x)

    def value(tensor):
        return loss(labels, outputs(tensor))

    for compiled in (False, True) if BACKEND != "torch" else (False,):
        actual, (gradient,) = differentiated(value, compiled)([x.astype(DTYPE)])
        assert_close(actual, expected)
        assert_close(gradient, slope, rtol=1e-5 if DTYPE == "float64" else 2e-3)
    rebuilt = keras.losses.deserialize(keras.losses.serialize(loss))
    assert rebuilt.get_config() == loss.get_config()
    assert_close(rebuilt(labels, outputs(ops.convert_to_tensor(x, dtype=DTYPE))), expected)


def check_finite(loss, labels, outputs, arrays):
    """Value and gradient of the float32 loss are finite at every array, plain and compiled."""

    def scalar(tensor):
        return loss(labels[: tensor.shape[0]], outputs(tensor))

    for compiled in (False, True) if BACKEND != "torch" else (False,):
        at = differentiated(scalar, compiled)
        for x in arrays:
            value, (gradient,) = at([x.astype("float32")])
            assert np.isfinite(value), np.abs(x).max()
            assert np.isfinite(gradient).all(), np.abs(x).max()
            assert np.abs(gradient).max() < 1e6, np.abs(x).max()


def extremes(rng, batch: int, width: int):
    """Zero, huge, tiny and half-precision inputs, and a batch of one."""
    x = rng.standard_normal((batch, width))
    half = ops.convert_to_numpy(ops.cast(ops.cast(x, "bfloat16"), "float32"))
    one_hot_rows = np.where(np.arange(width) == 0, 1e4, 0.0) * np.ones((batch, 1))
    return [0 * x, 1e4 * x, 1e-12 * x, half, one_hot_rows, x[:1], 0 * x[:1]]
