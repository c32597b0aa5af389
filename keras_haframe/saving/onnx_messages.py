"""The metadata of an ONNX file, read without the package onnx and without its weights."""

from __future__ import annotations

import pathlib
from typing import Any

from keras_haframe.serving.messages import declare

# The fields that are looked at; the others are kept unread.
_FIELDS = {
    "StringStringEntryProto": {1: "string key", 2: "string value"},
    "TensorProto": {13: "repeated StringStringEntryProto external_data", 14: "int32 data_location"},
    "SparseTensorProto": {1: "TensorProto values", 2: "TensorProto indices"},
    "AttributeProto": {
        5: "TensorProto t",
        6: "GraphProto g",
        10: "repeated TensorProto tensors",
        11: "repeated GraphProto graphs",
        22: "SparseTensorProto sparse_tensor",
        23: "repeated SparseTensorProto sparse_tensors",
    },
    "NodeProto": {4: "string op_type", 5: "repeated AttributeProto attribute", 7: "string domain"},
    "GraphProto": {
        1: "repeated NodeProto node",
        5: "repeated TensorProto initializer",
        15: "repeated SparseTensorProto sparse_initializer",
    },
    "FunctionProto": {7: "repeated NodeProto node"},
    "ModelProto": {
        7: "GraphProto graph",
        14: "repeated StringStringEntryProto metadata_props",
        25: "repeated FunctionProto functions",
    },
}  # fmt: skip
_pb = declare("onnx", _FIELDS)


def read_onnx(path: pathlib.Path) -> dict[str, str]:
    """Metadata of an ONNX file by key.

    Raises:
        ValueError: If it is no ONNX file, or its weights are in other files (`export_file` writes
            none such, and they could be any file of the machine); the message names the file.
    """
    try:
        model = _pb.ModelProto.FromString(path.read_bytes())
    except FileNotFoundError:
        raise ValueError(f"No such file: {path}") from None
    except Exception as error:  # protobuf's own, which has no base class of its own
        raise ValueError(f"{path} is no ONNX file: {error}") from None
    if not model.HasField("graph") or not model.graph.node:
        raise ValueError(f"{path} is no ONNX file: it holds no graph.")
    if any(_external(message) for message in (model.graph, *model.functions)):
        raise ValueError(
            f"{path} keeps weights in other files, which are not read. Write it with "
            "keras_haframe.saving.export_file."
        )
    return {entry.key: entry.value for entry in model.metadata_props}


def _external(message: Any) -> bool:
    """Whether any tensor below a message lies in another file."""
    todo = [message]
    while todo:
        found = todo.pop()
        if found.DESCRIPTOR.name == "TensorProto" and (found.external_data or found.data_location):
            return True
        for field, value in found.ListFields():
            if field.message_type is not None:
                todo += [value] if hasattr(value, "DESCRIPTOR") else value
    return False
