"""Protocol messages of TF Serving, wire-compatible, without TensorFlow.

The official Python classes (package tensorflow-serving-api) import all of TensorFlow. A client
needs a dozen messages, so their fields are declared here by number, name and type, in a descriptor
pool of our own that does not meet TensorFlow's. Fields left out are kept as unknown fields when a
message is read. The tests compare every field with the official descriptors.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

_TYPES = {
    "double": 1, "float": 2, "int64": 3, "int32": 5, "bool": 8, "string": 9, "bytes": 12,
}  # fmt: skip
_MESSAGE, _OPTIONAL, _REPEATED = 11, 1, 3

# file: {message: {number: "[repeated] type name"}}; a map is "map type name", its keys are strings.
_TENSOR = {
    "TensorShapeProto.Dim": {1: "int64 size", 2: "string name"},
    "TensorShapeProto": {2: "repeated TensorShapeProto.Dim dim", 3: "bool unknown_rank"},
    "TensorProto": {
        1: "int32 dtype",
        2: "TensorShapeProto tensor_shape",
        4: "bytes tensor_content",
        5: "repeated float float_val",
        6: "repeated double double_val",
        7: "repeated int32 int_val",
        8: "repeated bytes string_val",
        10: "repeated int64 int64_val",
        11: "repeated bool bool_val",
    },
    "BytesList": {1: "repeated bytes value"},
    "Feature": {1: "BytesList bytes_list"},
    "Features": {1: "map Feature feature"},
    "Example": {1: "Features features"},
    "TensorInfo": {1: "string name", 2: "int32 dtype", 3: "TensorShapeProto tensor_shape"},
    "SignatureDef": {
        1: "map TensorInfo inputs",
        2: "map TensorInfo outputs",
        3: "string method_name",
    },
    "AssetFileDef": {1: "TensorInfo tensor_info", 2: "string filename"},
    "NodeDef": {1: "string name", 2: "string op"},
    "FunctionDef": {3: "repeated NodeDef node_def"},
    "FunctionDefLibrary": {1: "repeated FunctionDef function"},
    "GraphDef": {1: "repeated NodeDef node", 2: "FunctionDefLibrary library"},
    "MetaGraphDef.MetaInfoDef": {4: "repeated string tags", 5: "string tensorflow_version"},
    "MetaGraphDef": {
        1: "MetaGraphDef.MetaInfoDef meta_info_def",
        2: "GraphDef graph_def",
        5: "map SignatureDef signature_def",
        6: "repeated AssetFileDef asset_file_def",
    },
    "SavedModel": {1: "int64 saved_model_schema_version", 2: "repeated MetaGraphDef meta_graphs"},
}  # fmt: skip
_SERVING = {
    "ModelSpec": {
        1: "string name",
        2: "google.protobuf.Int64Value version",
        3: "string signature_name",
    },
    "PredictRequest": {1: "ModelSpec model_spec", 2: "map .tensorflow.TensorProto inputs"},
    "PredictResponse": {1: "map .tensorflow.TensorProto outputs", 2: "ModelSpec model_spec"},
    "ExampleList": {1: "repeated .tensorflow.Example examples"},
    "Input": {1: "ExampleList example_list"},
    "ClassificationRequest": {1: "ModelSpec model_spec", 2: "Input input"},
    "Class": {1: "string label", 2: "float score"},
    "Classifications": {1: "repeated Class classes"},
    "ClassificationResult": {1: "repeated Classifications classifications"},
    "ClassificationResponse": {1: "ClassificationResult result", 2: "ModelSpec model_spec"},
    "GetModelStatusRequest": {1: "ModelSpec model_spec"},
    "StatusProto": {1: "int32 error_code", 2: "string error_message"},
    "ModelVersionStatus": {1: "int64 version", 2: "int32 state", 3: "StatusProto status"},
    "GetModelStatusResponse": {1: "repeated ModelVersionStatus model_version_status"},
    "LogMetadata": {1: "ModelSpec model_spec"},
    "ClassifyLog": {1: "ClassificationRequest request", 2: "ClassificationResponse response"},
    "PredictLog": {1: "PredictRequest request", 2: "PredictResponse response"},
    "PredictionLog": {
        1: "LogMetadata log_metadata",
        2: "ClassifyLog classify_log",
        6: "PredictLog predict_log",
    },
}  # fmt: skip


def _qualified(type_name: str, package: str) -> str:
    if type_name.startswith("."):
        return type_name
    return f".{type_name}" if type_name.startswith("google.") else f".{package}.{type_name}"


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_")) + "Entry"


def _add_field(message: Any, number: int, text: str, package: str, path: str) -> None:
    *label, type_name, name = text.split()
    field = message.field.add(name=name, number=number, label=_OPTIONAL)
    if label == ["map"]:  # a repeated message of key and value, as protoc writes it
        entry = message.nested_type.add(name=_camel(name))
        entry.options.map_entry = True
        _add_field(entry, 1, "string key", package, path)
        _add_field(entry, 2, f"{type_name} value", package, path)
        field.label, field.type = _REPEATED, _MESSAGE
        field.type_name = f".{package}.{path}.{entry.name}"
        return
    if label == ["repeated"]:
        field.label = _REPEATED
    if type_name in _TYPES:
        field.type = _TYPES[type_name]
    else:
        field.type, field.type_name = _MESSAGE, _qualified(type_name, package)


def _file(package: str, messages: dict, depends: list[str]) -> Any:
    name = f"keras_haframe/{package.replace('.', '/')}.proto"
    file = descriptor_pb2.FileDescriptorProto(
        name=name, package=package, syntax="proto3", dependency=depends
    )
    made: dict[str, Any] = {}
    for path in sorted(messages, key=lambda p: p.count(".")):  # outer messages first
        outer, _, inner = path.rpartition(".")
        made[path] = (made[outer].nested_type if outer else file.message_type).add(name=inner)
    for path, fields in messages.items():
        for number, text in fields.items():
            _add_field(made[path], number, text, package, path)
    return file


def declare(package: str, messages: dict) -> SimpleNamespace:
    """Classes by name of messages that refer to no others, as `pb` has them."""
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file(package, messages, []))
    found = {name: pool.FindMessageTypeByName(f"{package}.{name}") for name in messages}
    return SimpleNamespace(**{k: message_factory.GetMessageClass(v) for k, v in found.items()})


def _classes() -> SimpleNamespace:
    pool = descriptor_pool.DescriptorPool()
    wrappers = descriptor_pb2.FileDescriptorProto()
    wrappers_pb2.DESCRIPTOR.CopyToProto(wrappers)
    tensor = _file("tensorflow", _TENSOR, [])
    serving = _file("tensorflow.serving", _SERVING, [tensor.name, wrappers.name])
    for file in (wrappers, tensor, serving):
        pool.Add(file)
    found = {}
    for package, messages in (("tensorflow", _TENSOR), ("tensorflow.serving", _SERVING)):
        for path in messages:
            descriptor = pool.FindMessageTypeByName(f"{package}.{path}")
            found[path.rpartition(".")[2]] = message_factory.GetMessageClass(descriptor)
    return SimpleNamespace(**found)


pb = _classes()
"""The message classes by name: `pb.PredictRequest`, `pb.TensorProto`, `pb.SavedModel` and so on."""
