"""Running a function as one compiled graph, on whatever backend the tests use."""

import keras


def compiled(function):
    """`function` of arrays, compiled by XLA on TensorFlow and JAX; PyTorch runs it as it is."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True)
    if backend == "jax":
        import jax

        return jax.jit(function)
    return function
