"""Arrays of very many classes as tensors that compiled steps share."""

from __future__ import annotations

import weakref

import keras
import numpy as np
from keras import ops

from keras_haframe.tree_ops.values import Tensor

LARGE = 2**18  # bytes from which an array is held
_HELD: dict[tuple[int, str], Tensor] = {}


def held(array: np.ndarray, dtype: str | None = None) -> Tensor:
    """Return an array that does not change as a tensor of a dtype.

    TensorFlow writes what a function reads of NumPy into its graph, once per use, and copies the
    graph several times: with the paths of three million classes that was more than 15 GB. A tensor
    made outside is an input of the graph in its place. It lives as long as the array.

    Args:
        array: The array, one that its owner keeps.
        dtype: Of the tensor, the array's own by default.

    Example:

    >>> tuple(held(np.arange(3), "float32").shape)
    (3,)
    """
    name = array.dtype.name if dtype is None else keras.backend.standardize_dtype(dtype)
    if keras.backend.backend() != "tensorflow" or array.nbytes < LARGE:
        return ops.convert_to_tensor(array, dtype=name)
    key = id(array), name
    if key not in _HELD:
        import tensorflow as tf

        with tf.init_scope():
            _HELD[key] = tf.constant(array.astype(name))
        weakref.finalize(array, _HELD.pop, key, None)
    return _HELD[key]
