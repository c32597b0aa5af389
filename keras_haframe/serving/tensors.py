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
    array = _strings(value)
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


def from_proto(proto: Any) -> np.ndarray:
    """Array of a `TensorProto`; strings become an object array of bytes.

    Raises:
        ValueError: For a type that is not known here.
    """
    if proto.dtype not in DTYPES:
        raise ValueError(f"Cannot read a tensor of data type number {proto.dtype}.")
    dtype, field = DTYPES[proto.dtype]
    shape = [d.size for d in proto.tensor_shape.dim]
    if proto.tensor_content:
        return np.frombuffer(proto.tensor_content, dtype).reshape(shape).copy()
    values, count = list(getattr(proto, field)), math.prod(shape)
    if len(values) < count and values:  # the format lets the last value stand for the rest
        values += values[-1:] * (count - len(values))
    array = np.empty(count, dtype)
    array[:] = values[:count] if values else (b"" if dtype is object else 0)
    return array.reshape(shape)


def _strings(value: Any) -> np.ndarray | None:
    """Object array of bytes where `value` holds bytes or text, else `None`.

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
