"""ONNX nodes written as function calls."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

OPSET = 20  # the first with StringConcat


def onnx_type(dtype: str) -> int:
    """Return ONNX's number of a NumPy type; strings are `"object"`."""
    from onnx import helper

    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


class Nodes:
    """Nodes and constants of a graph in the making; operations are methods.

    Inputs are names of tensors, or arrays, which become constants; the result is the name of the
    output.

    Args:
        prefix: Beginning of all names made here.

    Example:

    ```python
    g = Nodes("decide")
    best = g.ArgMax("probabilities", axis=1, keepdims=0)
    names = g.Gather(np.array(["car", "jet"], object), best, name="class_name")
    ```
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.nodes: list[Any] = []
        self.constants: dict[tuple, Any] = {}

    def __getattr__(self, op: str) -> Callable[..., str]:
        if op.startswith("_"):
            raise AttributeError(op)
        return functools.partial(self._add, op)

    def _add(self, op: str, *inputs: str | np.ndarray, name: str = "", **attributes: Any) -> str:
        from onnx import helper

        given = [x if isinstance(x, str) else self._constant(np.asarray(x)) for x in inputs]
        name = name or f"{self.prefix}/{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, given, [name], name=name, **attributes))
        return name

    def _constant(self, value: np.ndarray) -> str:
        from onnx import numpy_helper

        text = value.dtype.kind in "OU"
        value = value.astype(object) if text else value
        content = tuple(value.ravel()) if text else value.tobytes()
        key = (value.dtype.str, value.shape, content)
        if key not in self.constants:
            name = f"{self.prefix}/constant_{len(self.constants)}"
            self.constants[key] = numpy_helper.from_array(value, name)
        return self.constants[key].name
