"""Facts of model files are read without trusting the files: one error, which names the file."""

import json
import zipfile

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.saving import file_facts, read_facts
from keras_haframe.saving.file_facts import PREFIX, append_archive, texts_of
from keras_haframe.saving.onnx_runner import OnnxRunner
from tests.trees import worked

onnx = pytest.importorskip("onnx")
TEXTS = texts_of(worked(), {"method": "haframe"}, "# Card")


def model(texts=TEXTS, constants=(), **more):
    """An ONNX model that hands on its input."""
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    x, y = (onnx.helper.make_tensor_value_info(name, 1, ["B", 4]) for name in "xy")
    graph = onnx.helper.make_graph([node], "g", [x], [y], list(constants), **more)
    made = onnx.helper.make_model(graph)
    onnx.helper.set_model_props(made, texts)
    return made


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.onnx"


def test_facts_come_back(path, tmp_path):
    path.write_bytes(model().SerializeToString())
    found = read_facts(path)
    assert found.tree == worked() and found.tree.name == worked().name
    assert (found.facts, found.card) == ({"method": "haframe"}, "# Card")
    lite = tmp_path / "m.tflite"
    lite.write_bytes(b"any bytes before")
    append_archive(lite, TEXTS)
    assert lite.read_bytes().startswith(b"any bytes before")
    assert read_facts(lite).tree == worked() and read_facts(lite).card == "# Card"


def test_any_name_comes_back(path):
    tree = kh.ClassTree.from_nested({'a"\\b': ["ü ñ", "<b>"], "c/d": ["日本", "'"]}, root="{}")
    path.write_bytes(model(texts_of(tree, {}, "")).SerializeToString())
    assert read_facts(path).tree == tree


def damaged() -> dict:
    """Contents of `m.onnx` by what is wrong with them."""
    whole = model().SerializeToString()
    weights = onnx.numpy_helper.from_array(np.zeros(4, np.float32), "w")
    onnx.external_data_helper.set_external_data(weights, "../../etc/passwd")
    weights.ClearField("raw_data")
    inner = onnx.helper.make_node("Constant", [], ["c"], value=weights)
    branch = onnx.helper.make_graph([inner], "b", [], [])
    nested = model()
    nested.graph.node.append(onnx.helper.make_node("If", ["x"], ["z"], then_branch=branch))

    def changed(key, text):
        return model({**TEXTS, f"{PREFIX}{key}": text}).SerializeToString()

    other = json.dumps({"classes": ["car"], "nodes": ["car"]})
    return {
        "nothing": (b"", "holds no graph"),
        "text": (b"not a model at all", "is no ONNX file"),
        "cut": (whole[:-9], "is no ONNX file"),
        "another's": (model({}).SerializeToString(), "holds no 'tree.json' of keras_haframe"),
        "weights elsewhere": (model(constants=[weights]).SerializeToString(), "in other files"),
        "weights elsewhere, deep": (nested.SerializeToString(), "in other files"),
        "no JSON": (changed("tree.json", "{"), "damaged facts"),
        "another type": (changed("tree.json", "[1, 2]"), "damaged facts"),
        "no tree": (changed("tree.json", '{"edges": [[1, 2]], "leaves": 3}'), "damaged facts"),
        "deep": (changed("model.json", "[" * 100_000), "damaged facts"),
        "no object": (changed("model.json", "7"), "damaged facts"),
        "other labels": (changed("labels.json", other), "labels.json does not fit"),
    }


@pytest.mark.parametrize("name", damaged())
def test_damaged_files_are_named(name, path):
    content, message = damaged()[name]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        read_facts(path)
    assert str(path) in str(error.value)


def test_damaged_archives_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(file_facts, "LARGEST", 2**20)
    path = tmp_path / "m.tflite"
    with pytest.raises(ValueError, match=f"No such file: {path}"):
        read_facts(path)
    path.write_bytes(b"no archive")
    with pytest.raises(ValueError, match="holds no facts"):
        read_facts(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tree.json", b"0" * (2**20 + 1))  # 1 kB on disk
    with pytest.raises(ValueError, match=r"m\.tflite holds no facts.*more than 1,048,576"):
        read_facts(path)


def test_cut_anywhere(path):
    """A file cut short is refused wherever it ends, and so is one of other bytes."""
    whole = model().SerializeToString()
    rng = np.random.default_rng(0)
    for end in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match="m.onnx"):
            read_facts(path)
    for _ in range(200):
        changed = bytearray(whole)
        for at in rng.integers(0, len(whole), 4):
            changed[at] = rng.integers(0, 256)
        path.write_bytes(bytes(changed))
        try:
            read_facts(path)
        except ValueError as error:
            assert "m.onnx" in str(error)


def test_a_graph_that_is_none_of_ours_is_not_run(path):
    pytest.importorskip("onnxruntime")
    path.write_bytes(model().SerializeToString())
    with pytest.raises(ValueError, match=r"m\.onnx is no model of .*Received: x, y"):
        OnnxRunner(path)
    wrong = model()
    wrong.graph.node[0].op_type = "NoSuchOperation"
    path.write_bytes(wrong.SerializeToString())
    with pytest.raises(ValueError, match=r"m\.onnx cannot be loaded"):
        OnnxRunner(path)
