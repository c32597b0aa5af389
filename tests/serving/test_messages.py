"""Our protocol messages are the official ones, field by field and byte by byte."""

import importlib

import numpy as np
import pytest

from keras_haframe.serving.messages import _SERVING, _TENSOR, pb
from keras_haframe.serving.tensors import DTYPES, from_proto, to_proto

CORE = ("tensorflow.core.framework", ("tensor", "tensor_shape", "graph", "function", "node_def"))
META = ("tensorflow.core.protobuf", ("meta_graph", "saved_model"))
EXAMPLE = ("tensorflow.core.example", ("example", "feature"))
SERVING = (
    "tensorflow_serving.apis",
    (
        "model", "predict", "input", "classification", "get_model_status", "prediction_log",
        "logging", "status",
    ),
)  # fmt: skip


def official(path: str, serving: bool):
    """The official descriptor of a message."""
    if serving:
        pytest.importorskip("tensorflow_serving", reason="needs tensorflow-serving-api")
    else:
        pytest.importorskip("tensorflow", reason="compares with TensorFlow's messages")
    outer, _, inner = path.partition(".")
    modules = [f"{p}.{n}_pb2" for p, names in ([SERVING] if serving else [CORE, META, EXAMPLE])
               for n in names]  # fmt: skip
    for name in modules:
        found = getattr(importlib.import_module(name), outer, None)
        if found is not None:
            found = found.DESCRIPTOR
            return found.nested_types_by_name[inner] if inner else found
    raise AssertionError(f"no official message {path}")


@pytest.mark.parametrize(
    "path,serving", [(p, False) for p in _TENSOR] + [(p, True) for p in _SERVING]
)
def test_every_field_has_the_official_number_and_wire_type(path, serving):
    theirs = official(path, serving)
    ours = getattr(pb, path.rpartition(".")[2]).DESCRIPTOR
    assert ours.fields
    assert ours.full_name == theirs.full_name
    for field in ours.fields:
        other = theirs.fields_by_number[field.number]
        assert other.name == field.name
        assert other.is_repeated == field.is_repeated
        same = {"enum": 14, "int32": 5}  # an enumeration is an int32 on the wire
        assert field.type == other.type or (field.type, other.type) == (same["int32"], same["enum"])
        if field.message_type:
            assert field.message_type.full_name == other.message_type.full_name
            assert field.message_type.GetOptions().map_entry == (
                other.message_type.GetOptions().map_entry
            )


VALUES = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.float64(2.5),
    np.array([-1, 5], np.int32),
    np.array([2**40], np.int64),
    np.array([True, False]),
    np.zeros((0, 3), np.float32),
    np.array([[0, 255]], np.uint8),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda v: f"{v.dtype}{v.shape}")
def test_tensors_there_and_back_and_as_tensorflow_reads_them(value):
    tf = pytest.importorskip("tensorflow")
    proto = to_proto(value)
    np.testing.assert_array_equal(from_proto(proto), value)
    from tensorflow.core.framework import tensor_pb2

    read = tf.make_ndarray(tensor_pb2.TensorProto.FromString(proto.SerializeToString()))
    assert read.dtype == np.asarray(value).dtype and read.shape == np.shape(value)
    np.testing.assert_array_equal(read, value)
    # TensorFlow writes small tensors as fields of values, and repeated ones once.
    again = pb.TensorProto.FromString(tf.make_tensor_proto(value).SerializeToString())
    np.testing.assert_array_equal(from_proto(again), value)


@pytest.mark.parametrize("value", [[b"a\0", b"", "é".encode()], ["a", "b"], b"one", []])
def test_strings_keep_every_byte(value):
    expected = (
        [v.encode() if isinstance(v, str) else v for v in np.atleast_1d(value)]
        if (isinstance(value, list) and value and isinstance(value[0], str))
        else value
    )
    array = from_proto(to_proto(value))
    if value == []:
        assert array.shape == (0,)
    elif isinstance(value, bytes):
        assert array.shape == () and array[()] == value
    else:
        assert array.tolist() == list(expected)


def test_the_last_value_stands_for_the_rest():
    proto = pb.TensorProto(dtype=1, float_val=[1.0, 2.0])
    proto.tensor_shape.dim.add(size=4)
    assert from_proto(proto).tolist() == [1, 2, 2, 2]
    assert from_proto(pb.TensorProto(dtype=3)).tolist() == 0


def test_other_types_are_refused():
    with pytest.raises(ValueError, match=r"float32, .*string.*complex64"):
        to_proto(np.zeros(2, np.complex64))
    with pytest.raises(ValueError, match="data type number 14"):
        from_proto(pb.TensorProto(dtype=14))
    assert 14 not in DTYPES
