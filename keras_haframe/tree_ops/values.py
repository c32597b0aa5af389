"""From what users hand in to arrays and tensors."""

from __future__ import annotations

from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

Tensor: TypeAlias = Any  # a tensor of the backend, or what becomes one: an array, a list
Outputs: TypeAlias = Tensor | dict[str, Tensor]  # of a model: by name, or the one that is read
Shape: TypeAlias = tuple[Any, ...]  # of integers, `None` where any size will do


def to_numpy(value: Tensor, name: str) -> np.ndarray:
    """Return a tensor of TensorFlow, JAX, PyTorch or Keras, or anything array-like, as NumPy array.

    Args:
        value: The array or tensor; bfloat16 and float16 are kept as they are where NumPy can
            hold them.
        name: What to call it in an error.

    Returns:
        A NumPy array, perhaps sharing memory with `value`.

    Raises:
        ValueError: If `value` holds no numbers yet (a symbolic or traced tensor) or is ragged.

    Example:

    >>> to_numpy([[1, 2]], "features").shape
    (1, 2)
    """
    if isinstance(value, np.ndarray):
        return value
    try:
        if hasattr(value, "detach"):  # PyTorch
            value = value.detach().cpu()
            if str(value.dtype) == "torch.bfloat16":
                value = value.float()
        elif hasattr(value, "shape") and callable(getattr(value, "numpy", None)):
            value = value.numpy()
        return np.asarray(value)
    except Exception as error:
        raise ValueError(
            f"`{name.strip('`')}` could not be turned into a NumPy array: it must hold values, so "
            "call this outside compiled functions and never on symbolic tensors, and its rows must "
            f"be equally long. Received: {type(value)}."
        ) from error


def is_real_float(dtype: np.dtype) -> bool:
    """Whether a NumPy dtype is one of real floats; those of ml_dtypes have kind "V"."""
    return dtype.kind == "f" or dtype.name.startswith(("bfloat16", "float8"))


def to_numbers(value: Tensor, name: str) -> np.ndarray:
    """Return anything array-like as NumPy array of real numbers (or booleans).

    Raises:
        ValueError: If `value` cannot be an array, or holds anything else: text, objects, complex
            numbers, dates.
    """
    array = to_numpy(value, name)
    if array.dtype.kind not in "biuf" and not is_real_float(array.dtype):
        kind = type(value).__name__ if array.dtype == object and not array.ndim else array.dtype
        raise ValueError(
            f"{name} must be an array of real numbers. Received: {kind}, shape {array.shape}. "
            "Convert it, for example with `numpy.asarray(values, 'float32')`."
        )
    return array


def number_tensor(value: Tensor, name: str) -> Tensor:
    """Return anything array-like as a tensor of real numbers.

    Booleans become float32, lists of floats Keras's float type, as `ops.convert_to_tensor` has it.

    Raises:
        ValueError: As `to_numbers`.
    """
    if isinstance(value, keras.KerasTensor):
        return value
    if not ops.is_tensor(value):
        array = to_numbers(value, name)
        if array.dtype == bool or (array.dtype == float and not hasattr(value, "dtype")):
            array = array.astype("float32" if array.dtype == bool else keras.config.floatx())
        return ops.convert_to_tensor(array)
    dtype = keras.backend.standardize_dtype(value.dtype)
    if dtype == "bool":
        return ops.cast(value, "float32")
    if not dtype.startswith(("float", "bfloat", "int", "uint")):
        raise ValueError(f"{name} must be a tensor of real numbers. Received dtype: {dtype}")
    return value


def holds_values(tensor: Tensor) -> bool:
    """Whether values are at hand: not so inside a compiled function, nor of a symbolic tensor."""
    if isinstance(tensor, keras.KerasTensor):
        return False
    if not ops.is_tensor(tensor):  # an array, a list
        return True
    if keras.backend.backend() == "tensorflow":
        return hasattr(tensor, "numpy")
    return not any(base.__name__ == "Tracer" for base in type(tensor).__mro__)  # JAX


def full_precision(values: Tensor) -> Tensor:
    """Return `values` as a tensor of at least float32: sums over classes need the digits."""
    values = ops.convert_to_tensor(values)
    dtype = keras.backend.standardize_dtype(values.dtype)
    return values if dtype in ("float32", "float64") else ops.cast(values, "float32")
