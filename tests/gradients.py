"""Gradients on whichever backend Keras runs, finite differences, and the precision to expect.

`keras.ops` turns float64 into float32 on JAX and PyTorch (`keras.backend.result_type` never gives
float64 there), so only TensorFlow computes in double precision. Tests use `DTYPE` and `RTOL`:
float64 at 1e-6 on TensorFlow, float32 at 1e-4 elsewhere.
"""

import keras
import numpy as np
import pytest

BACKEND = keras.backend.backend()
DTYPE = "float64" if BACKEND == "tensorflow" else "float32"
RTOL = 1e-6 if DTYPE == "float64" else 1e-4


def assert_close(actual, expected, rtol=RTOL):
    """Compare arrays with a tolerance relative to the largest entry of `expected`."""
    expected = np.asarray(expected, np.float64)
    actual = np.asarray(keras.ops.convert_to_numpy(actual), np.float64)
    assert actual.shape == expected.shape
    largest = np.abs(expected).max() if expected.size else 0.0
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol * max(largest, 1e-12))


def dot(tensor, array):
    """Sum of the products of a tensor's entries with those of a constant array."""
    return keras.ops.sum(keras.ops.multiply(tensor, array))


def differentiated(fn, compiled=False):
    """Value and gradients of the scalar function `fn(*tensors)`, by the active backend.

    Args:
        fn: Function of tensors to a scalar tensor.
        compiled: Compile value and gradients with XLA, once per shape; skips the test on PyTorch.

    Returns:
        A function of a list of float arrays, with the dtype to compute in, that gives a float and
        a list of NumPy arrays. A gradient is zero where `fn` does not depend on the array.
    """
    at = _BACKENDS[BACKEND](fn, compiled)
    return lambda arrays: at([np.asarray(a) for a in arrays])


def value_and_gradients(fn, arrays, compiled=False):
    """Value of the scalar function `fn(*tensors)` and its gradients at the arrays."""
    return differentiated(fn, compiled)(arrays)


def gradients(fn, arrays, compiled=False):
    """Gradients of the scalar function `fn(*tensors)` with respect to every array."""
    return value_and_gradients(fn, arrays, compiled)[1]


def gradient(fn, x, compiled=False):
    """Gradient of the scalar function `fn(tensor)` at the array `x`."""
    return gradients(fn, [x], compiled)[0]


def numeric_gradient(fn, x, step=1e-6):
    """Central differences of a NumPy function of a float64 array."""
    x = np.array(x, np.float64)
    result = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        here = x[i]
        x[i] = here + step
        above = fn(x)
        x[i] = here - step
        below = fn(x)
        x[i] = here
        result[i] = (above - below) / (2 * step)
    return result


def _tensorflow(fn, compiled):
    import tensorflow as tf

    def step(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = fn(*tensors)
        return value, tape.gradient(value, tensors, unconnected_gradients="zero")

    if compiled:
        step = tf.function(step, jit_compile=True)

    def at(arrays):
        value, grads = step(*(tf.convert_to_tensor(a) for a in arrays))
        return float(value), [g.numpy() for g in grads]

    return at


def _jax(fn, compiled):
    import jax

    step = jax.value_and_grad(lambda tensors: fn(*tensors))
    step = jax.jit(step) if compiled else step

    def at(arrays):
        value, grads = step([jax.numpy.asarray(a) for a in arrays])
        return float(value), [np.asarray(g) for g in grads]

    return at


def _torch(fn, compiled):
    import torch

    if compiled:
        pytest.skip("PyTorch does not compile with XLA")

    def at(arrays):
        tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
        value = fn(*tensors)
        value.backward()
        zeros = (torch.zeros_like(t) if t.grad is None else t.grad for t in tensors)
        return float(value.detach()), [g.numpy() for g in zeros]

    return at


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
