"""NumPy arrays to and from `TensorProto`, without TensorFlow."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from keras_haframe.serving.messages import pb

# DataType number: NumPy type and the field of single values.
DTYPES = {
    1: (np.float32, "float_val"),
    2: (np.float64, "double_val"),
    3: (np.int32, "int_val"),
    4: (np.uint8, "int_val"),
    7: (object, "string_val"),
    9: (np.int64, "int64_val"),
    10: (np.bool_, "bool_val"),
}
NAMES = {1: "float32", 2: "float64", 3: "int32", 4: "uint8", 7: "string", 9: "int64", 10: "bool"}


def to_proto(value: Any) -> Any:
    """Make a `TensorProto` of an array, a number, bytes, text, or a list of these.

    Args:
        value: Anything `numpy.asarray` takes; text is encoded as UTF-8.

    Returns:
        `TensorProto`.

    Raises:
        ValueError: For a type that the models of this package do not take.
    """
    array = strings(value)
    if array is None:
        array = np.asarray(value)
    code = next((c for c, (dtype, _) in DTYPES.items() if array.dtype == dtype), None)
    if code is None:
        raise ValueError(
            f"Tensors must be of one of the types {', '.join(NAMES.values())}. "
            f"Received: {array.dtype}"
        )
    proto = pb.TensorProto(dtype=code)
    proto.tensor_shape.SetInParent()  # a scalar has an empty shape, not none
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if code == 7:
        proto.string_val.extend(array.ravel().tolist())
    else:
        proto.tensor_content = np.ascontiguousarray(array).tobytes()
    return proto


def from_proto(proto: Any, room: int = 64 * 2**20) -> np.ndarray:
    """Array of a `TensorProto`; strings become an object array of bytes.

    Args:
        proto: The message; any bytes may have come.
        room: Largest array in bytes: a message of ten bytes can name four billion values, as the
            last one stands for all that follow.

    Raises:
        ValueError: For a type that is not known here, and for a tensor that contradicts itself.
    """
    if proto.dtype not in DTYPES:
        raise ValueError(f"Cannot read a tensor of data type number {proto.dtype}.")
    dtype, field = DTYPES[proto.dtype]
    shape = tuple(d.size for d in proto.tensor_shape.dim)
    if proto.tensor_shape.unknown_rank or min(shape, default=0) < 0:
        raise ValueError(f"Cannot read a tensor of unknown shape {shape}.")
    count, size = math.prod(shape), np.dtype(dtype).itemsize
    if count * size > room:
        raise ValueError(f"A tensor of shape {shape} takes more than {room} bytes.")
    values, content = getattr(proto, field), proto.tensor_content
    if content:
        if dtype is object or len(content) != count * size:
            raise ValueError(f"{len(content)} bytes are no {NAMES[proto.dtype]} tensor {shape}.")
        array = np.frombuffer(content, np.uint8 if dtype is np.bool_ else dtype).reshape(shape)
        return array.astype(dtype)  # a copy; bytes other than 0 are true
    if len(values) > count:
        raise ValueError(f"{len(values)} values are no tensor of shape {shape}.")
    array = np.empty(count, dtype)
    try:
        array[: len(values)] = values
        # The format lets the last value stand for the rest.
        array[len(values) :] = values[-1] if values else (b"" if dtype is object else 0)
    except OverflowError as error:
        raise ValueError(f"No {NAMES[proto.dtype]} tensor: {error}") from None
    return array.reshape(shape)


def strings(value: Any) -> np.ndarray | None:
    """Return an object array of bytes where `value` holds bytes or text, else `None`.

    `numpy.asarray` alone would strip zero bytes at the end of a byte string.
    """
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "OSU":
            return None
        shape, items = value.shape, value.ravel().tolist()
    elif isinstance(value, (bytes, str)):
        shape, items = (), [value]
    elif isinstance(value, (list, tuple)) and any(isinstance(v, (bytes, str)) for v in value):
        shape, items = (len(value),), list(value)
    else:
        return None
    array = np.empty(len(items), object)
    array[:] = [v.encode() if isinstance(v, str) else v for v in items]
    return array.reshape(shape)
