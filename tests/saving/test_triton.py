"""The model repository for Triton, and its backend with a stand-in for the server's module."""

import json
import os
import sys
import types

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.saving import triton, write_triton_repository
from keras_haframe.serving.messages import pb
from tests.brute_force import softmax
from tests.saving import tiny
from tests.saving.pictures import BAD, encode, rgb

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="SavedModels are written on TensorFlow"
)
TREE = kh.ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]}, root="root")
PICTURES = np.stack([rgb(16, 16, seed=i) for i in range(6)])
GOOD = [encode(p) for p in PICTURES]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    base = tmp_path_factory.mktemp("exported") / "vehicles"
    model = tiny.model(TREE)
    kh.export(model, base, version=3)
    return base, softmax(model.predict(PICTURES.astype("float32"), verbose=0))


@pytest.fixture(scope="module")
def written(exported, tmp_path_factory):
    return write_triton_repository(exported[0], tmp_path_factory.mktemp("triton"))


@pytest.mark.slow
def test_the_files(exported, written):
    assert written.name == "3" and written.parent.name == "vehicles"
    assert sorted(f.name for f in written.iterdir()) == [
        "model.py",
        "model.savedmodel",
        "runner.py",
    ]
    assert (written / "model.savedmodel" / "assets" / "tree.json").is_file()
    assert sorted(f.name for f in written.parent.iterdir()) == ["3", "config.pbtxt"]
    text = (written.parent / "config.pbtxt").read_text()
    for line in (
        'name: "vehicles"',
        '{ name: "image_bytes" data_type: TYPE_STRING dims: [ 1 ] reshape { shape: [ ] } optional',
        '{ name: "images" data_type: TYPE_FP32 dims: [16, 16, 3] optional: true }',
        '{ name: "path" data_type: TYPE_STRING dims: [3] }',
        "dynamic_batching",
    ):
        assert line in text, line
    assert "classes" not in text  # of `classify`


@pytest.mark.slow
def test_a_version_is_not_overwritten_and_a_tuned_file_stays(exported, tmp_path):
    first = write_triton_repository(exported[0], tmp_path, "planes")
    (tmp_path / "planes" / "config.pbtxt").write_text("tuned")
    with pytest.raises(ValueError, match="exists already"):
        write_triton_repository(exported[0] / "3", tmp_path, "planes")
    assert write_triton_repository(exported[0], tmp_path, "planes", 4).name == "4"
    assert (tmp_path / "planes" / "config.pbtxt").read_text() == "tuned"
    assert sorted(f.name for f in first.parent.iterdir()) == ["3", "4", "config.pbtxt"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{"name": 'a" b'}, {"name": "../a"}, {"version": 0}, {"version": "١"}]
)
def test_names_and_versions_are_checked(exported, tmp_path, options):
    with pytest.raises(ValueError, match=r"`name`|`version`"):
        write_triton_repository(exported[0], tmp_path, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_nothing_is_left_of_a_failed_write(exported, tmp_path, monkeypatch):
    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(triton.os, "rename", full)
    with pytest.raises(OSError, match="No space"):
        write_triton_repository(exported[0], tmp_path)
    assert [f.name for f in (tmp_path / "vehicles").iterdir()] == ["config.pbtxt"]


@pytest.mark.slow
def test_the_loser_of_a_race_is_told(exported, tmp_path, monkeypatch):
    rename = os.rename

    def slow(source, target):
        (target / "model.py").parent.mkdir()
        (target / "model.py").write_text("of another")
        rename(source, target)

    monkeypatch.setattr(triton.os, "rename", slow)
    with pytest.raises(ValueError, match="exists already"):
        write_triton_repository(exported[0], tmp_path)
    assert sorted(f.name for f in (tmp_path / "vehicles").iterdir()) == ["3", "config.pbtxt"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "tensor,message",
    [
        ({'x" } name: "y': (1, [-1, 2])}, "letters, digits"),
        ({"x": (14, [-1, 2])}, "numbers or text"),
        ({"x": (1, [3, 2])}, "numbers or text"),
        ({"x": (1, [])}, "numbers or text"),
    ],
)
def test_models_that_fit_no_configuration_are_refused(tmp_path, tensor, message):
    saved = pb.SavedModel()
    definition = saved.meta_graphs.add().signature_def["serving_default"]
    for name, (dtype, sides) in tensor.items():
        definition.inputs[name].dtype = dtype
        for side in sides:
            definition.inputs[name].tensor_shape.dim.add(size=side)
    (tmp_path / "saved_model.pb").write_bytes(saved.SerializeToString())
    with pytest.raises(ValueError, match=message):
        triton.config(tmp_path, "m")


class Request:
    """A request as the server's Python hands it over."""

    def __init__(self, inputs, signature=None, wanted=None):
        self.tensors = [Tensor(k, v) for k, v in inputs.items()]
        self.signature, self.wanted = signature, wanted

    def inputs(self):
        return self.tensors

    def parameters(self):
        return json.dumps({"signature": self.signature} if self.signature else {})

    def requested_output_names(self):
        return self.wanted or {"ok", "score", "class_name", "features", "node_name", "path"}


class Tensor:
    def __init__(self, name, value):
        self._name, self.value = name, np.asarray(value)

    def name(self):
        return self._name

    def as_numpy(self):
        return self.value


class Error:
    INVALID_ARG = 3

    def __init__(self, message, code):
        self.message, self.code = message, code


@pytest.fixture(scope="module")
def server():
    """The module that Triton gives its Python backend."""
    module = types.ModuleType("triton_python_backend_utils")
    module.Tensor, module.TritonError = Tensor, Error
    module.TritonModelException = RuntimeError
    module.InferenceResponse = lambda tensors, error=None: (
        error or {t.name(): t.as_numpy() for t in tensors}
    )
    sys.modules[module.__name__] = module
    yield
    del sys.modules[module.__name__]


def load(written):
    """The backend in the repository, loaded as the server loads it."""
    space = {"__name__": "model"}
    exec(compile((written / "model.py").read_text(), "model.py", "exec"), space)
    model = space["TritonPythonModel"]()
    model.arguments = {"model_repository": str(written.parent), "model_version": written.name}
    model.initialize(model.arguments | {"model_config": json.dumps({"output": declared(written)})})
    return model


@pytest.fixture(scope="module")
def backend(written, server):
    return load(written)


def declared(written):
    """Outputs of `config.pbtxt`."""
    import re

    text = (written.parent / "config.pbtxt").read_text().partition("output [")[2]
    found = re.findall(r'name: "(\w+)" data_type: \w+ dims: \[([\d, -]+)\]', text)
    return [{"name": name, "dims": dims.split(",")} for name, dims in found]


def data(*rows):
    return {"image_bytes": np.array(rows, object)}


@pytest.mark.slow
def test_bad_rows_and_bad_requests_spoil_nothing_in_a_joined_batch(backend, exported):
    p = exported[1]
    floats = {"images": PICTURES[:2].astype("float32")}
    requests = [
        Request(data(GOOD[0], BAD["text"], GOOD[1]), "serving_bytes"),
        Request(data(GOOD[2]), "serving_bytes"),
        Request(floats, "nothing"),
        Request(data(BAD["half a png"]), "serving_bytes"),
        Request({"images": np.zeros((1, 5, 5, 3), np.float32)}, "serving_default"),
        Request(floats, "serving_default", {"score"}),
        Request(data(GOOD[3]), "hierarchical_bytes"),
        Request(floats, "features"),
        Request(data(GOOD[4]) | {"threshold": np.array([0.0], np.float32)}),
    ]
    runs, run = [], backend.runner.run
    backend.runner.run = lambda name, inputs: runs.append(name) or run(name, inputs)
    found = backend.execute(requests)
    backend.runner.run = run
    assert runs.count("serving_bytes") == 1  # three requests, one batch
    assert found[0]["ok"].tolist() == [True, False, True]
    np.testing.assert_allclose(found[0]["score"][[0, 2]], p[:2].max(1), atol=1e-5)
    np.testing.assert_allclose(found[1]["score"], p[2].max(keepdims=True), atol=1e-5)
    assert "No signature 'nothing'" in found[2].message and found[2].code == Error.INVALID_ARG
    assert found[3]["ok"].tolist() == [False]
    assert isinstance(found[4], Error)  # the batch failed, and was run request by request
    assert found[5].keys() == {"score"}
    np.testing.assert_allclose(found[5]["score"], p[:2].max(1), atol=1e-5)
    assert "hierarchical_bytes takes ['image_bytes', 'threshold']" in found[6].message
    assert found[7]["features"].shape == (2, 12)
    assert found[8]["node_name"].tolist() == [TREE.leaves[p[4].argmax()].encode()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "inputs,output",
    [(data(GOOD[0]), "score"), ({"images": PICTURES[:1].astype("float32")}, "score")],
)
def test_without_a_name_the_scores_are_answered(backend, inputs, output):
    (found,) = backend.execute([Request(inputs)])
    assert output in found and "features" not in found


@pytest.mark.slow
def test_the_configuration_of_another_model_is_told(backend, written):
    outputs = declared(written)
    next(o for o in outputs if o["name"] == "probabilities")["dims"] = ["7"]
    config = json.dumps({"output": outputs})
    with pytest.raises(RuntimeError, match=r"declares output 'probabilities' as \[7\]"):
        type(backend)().initialize(backend.arguments | {"model_config": config})


def onnx_file(path, images=("B", 16, 16, 3), kind=1):
    """An ONNX file with inputs and outputs as those of the package, and simpler within."""
    onnx = pytest.importorskip("onnx")
    from onnx import helper

    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=1),
        helper.make_node("ReduceMean", ["floats", "axes"], ["mean"], keepdims=0),
        helper.make_node("Cast", ["allowed"], ["mask"], to=1),
        helper.make_node("Mul", ["mean", "mask"], ["probabilities"]),
        helper.make_node("ReduceMax", ["probabilities", "last"], ["score"], keepdims=0),
        helper.make_node("Less", ["score", "floor"], ["below"]),
        helper.make_node("Where", ["below", "root", "leaf"], ["node_name"]),
        helper.make_node("Identity", ["mean"], ["features"]),
    ]
    constants = [
        helper.make_tensor("axes", 7, [2], [1, 2]), helper.make_tensor("last", 7, [1], [1]),
        helper.make_tensor("root", 8, [1], ["root"]), helper.make_tensor("leaf", 8, [1], ["jet"]),
    ]  # fmt: skip
    info = helper.make_tensor_value_info
    inputs = [info("images", kind, images), info("floor", 1, ["F"]), info("allowed", 9, ["A", 3])]
    outputs = [
        info("probabilities", 1, ["B", 3]), info("features", 1, ["B", 3]),
        info("score", 1, ["B"]), info("node_name", 8, ["B"]),
    ]  # fmt: skip
    graph = helper.make_graph(nodes, "m", inputs, outputs, constants)
    opset = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), str(path))


@pytest.mark.slow
def test_an_onnx_file(server, tmp_path):
    pytest.importorskip("onnxruntime")
    onnx_file(tmp_path / "small.onnx", ("B", "h", "w", 3), 2)
    written = write_triton_repository(tmp_path / "small.onnx", tmp_path / "triton")
    assert written == tmp_path / "triton" / "small" / "1"
    text = (written.parent / "config.pbtxt").read_text()
    assert '{ name: "images" data_type: TYPE_UINT8 dims: [-1, -1, 3] optional: true }' in text
    assert '{ name: "allowed" data_type: TYPE_BOOL dims: [3] optional: true }' in text
    assert text.count("reshape") == 4  # floor, threshold, score, node_name
    small = np.arange(3, dtype=np.uint8) * np.ones((2, 5, 4, 3), np.uint8)
    floors = np.array([1.5, 2.5], np.float32)
    mask = np.array([[True, True, False]] * 2)
    backend = load(written)
    found = backend.execute(
        [
            Request({"images": small}, wanted={"probabilities", "score", "node_name", "features"}),
            Request({"images": small, "threshold": floors}),
            Request({"images": small, "floor": floors, "allowed": mask}),
            Request({"images": small[:1]}, "features"),
            Request({"images": small, "floor": floors}),
        ]
    )
    assert found[0]["probabilities"].tolist() == [[0, 1, 2]] * 2
    assert found[0].keys() == {"probabilities", "score"}
    assert found[1]["node_name"].tolist() == [b"jet", b"root"]
    assert found[2]["score"].tolist() == [1, 1]
    assert found[3]["features"].shape == (1, 3)
    assert "No signature None" in found[4].message
