"""A writer of `.safetensors` files of its own: valid ones, and with a header to break."""

import json

import numpy as np


def write_safetensors(path, arrays, header_extra=None):
    """The published format: length, JSON header, data."""
    kinds = {"float32": "F32", "float64": "F64", "float16": "F16", "int64": "I64", "uint16": "BF16"}
    header, data, offset = dict(header_extra or {}), [], 0
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": kinds[str(array.dtype)],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(raw)],
        }
        data.append(raw)
        offset += len(raw)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(len(head).to_bytes(8, "little") + head + b"".join(data))
