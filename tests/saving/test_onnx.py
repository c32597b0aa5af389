"""ONNX files say what Keras says, for every method, on the backend of this process."""

import copy
import functools
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
from unittest import mock

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.decisions.answers import reasons
from keras_haframe.saving import export_file, networks, read_facts, resizing
from tests import trees
from tests.brute_force import softmax
from tests.models.test_backends import BLOCKED
from tests.saving import tiny

onnxruntime = pytest.importorskip("onnxruntime")
missing = [
    name for name in networks.NEEDS[keras.backend.backend()] if not importlib.util.find_spec(name)
]
if missing:
    pytest.skip(f"needs {missing}", allow_module_level=True)

CASES = [(name, {}) for name in kh.methods.names()]
CASES += [("haframe", {"frame": frame}) for frame in ("structured", "low_rank")]
IDS = ["-".join([name, *options.values()]) for name, options in CASES]
# The two kinds of outputs; from PyTorch one whose operations its exporter got wrong.
QUICK = ["conditional_softmax", "haframe"] + ["hier_cos"] * (keras.backend.backend() == "torch")
PARAMETERS = [pytest.param(i, marks=() if i in QUICK else pytest.mark.slow) for i in IDS]
FLOOR = 0.5
TREE = trees.uneven()
ALL = np.ones((1, TREE.num_classes), bool)
MORE = ("probabilities", "features", "path_id", "listed_id", "listed_probability", "reason_code")


class Case:
    """A model, its ONNX file, and what Keras says about the 256 images."""

    def __init__(self, made_once, name: str):
        method, options = CASES[IDS.index(name)]
        self.model = tiny.model(TREE, method, **options)
        folder = made_once(f"onnx_{name}", lambda folder: write(self.model, folder))
        self.path, self.numbers = folder / "m.onnx", folder / "numbers.onnx"
        self.images = tiny.images()
        self.p = softmax(self.model.predict(self.images, verbose=0))
        features = self.model.features(self.images).astype(np.float64)
        self.features = features / np.linalg.norm(features, axis=1, keepdims=True)
        self.inputs = {
            "images": self.images, "floor": np.array([FLOOR], np.float32), "allowed": ALL
        }  # fmt: skip

    def run(self, **inputs) -> dict:
        return run(self.path, {**self.inputs, **inputs})


def write(model, folder):
    """With text and without; the exporter, which takes seconds, is asked once."""
    network = networks.as_onnx(networks.served_network(model))
    with mock.patch.object(networks, "as_onnx", lambda _: copy.deepcopy(network)):
        assert export_file(model, folder / "m", metrics={"top1": 0.5}) == folder / "m.onnx"
        export_file(model, folder / "numbers.onnx", "onnx", text=False)


def run(path, inputs: dict) -> dict:
    session = onnxruntime.InferenceSession(str(path))
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


@pytest.fixture(scope="module")
def cases(made_once):
    return functools.cache(lambda name: Case(made_once, name))


def check(case: Case, found: dict) -> None:
    """Compare numbers and texts with the twin, and the outputs that SavedModels have not."""
    expected = tiny.hierarchy_twin(case.p, TREE, FLOOR)
    np.testing.assert_allclose(found["probabilities"], case.p, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found["features"], case.features, rtol=0, atol=1e-5)
    names = np.array([*TREE.nodes, ""], object)[found["path_id"]]  # -1 is the last
    assert names.tolist() == expected["path"].tolist()
    words = reasons(
        TREE, found["node_id"], found["class_id"], found["listed_id"],
        found["listed_probability"], np.full(256, FLOOR), np.ones(256, bool),
    )  # fmt: skip
    # A probability such as 0.185 may be shown as 0.18 or 0.19; this says nothing of the decision.
    clear = np.abs(100 * case.p.max(1) % 1 - 0.5) > 1e-2
    assert clear.sum() > 200
    assert np.array(words)[clear].tolist() == expected["reason"][clear].tolist()
    if "reason" in found:
        assert found["reason"].tolist() == words
    assert [w.split(":")[0] for w in words] == [
        ("class", "rolled up", "root")[code] for code in found["reason_code"]
    ]
    same = {key: value for key, value in found.items() if key not in (*MORE, "reason")}
    tiny.assert_same(same, {key: expected[key] for key in same})


@pytest.mark.parametrize("name", PARAMETERS)
def test_onnx_runtime(cases, name):
    case = cases(name)
    found = case.run()
    assert {k for k in found if k not in MORE} == set(tiny.hierarchy_twin(case.p[:1], TREE, FLOOR))
    check(case, found)
    assert len(set(case.p.argmax(1))) > 1  # the images are not all of one class


# tf2onnx writes sums over groups with an operation that OpenVINO 2026.4 reads and cannot run.
GROUPS = keras.backend.backend() == "tensorflow" and ("conditional_softmax", "haframe-structured")


@pytest.mark.parametrize("name", [p for p in PARAMETERS if p.values[0] not in (GROUPS or ())])
def test_openvino(cases, name):
    """Numbers only: OpenVINO has no operation that joins strings."""
    openvino = pytest.importorskip("openvino")
    case = cases(name)
    core = openvino.Core()
    model = core.compile_model(str(case.numbers), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    outputs = model(case.inputs)
    found = {k: outputs[k] for k, v in case.run().items() if v.dtype != object}
    assert len(model.outputs) == len(found)
    check(case, found)


def test_decisions_and_reasons(cases):
    """What `model.decide` says, word for word, with floors and a list of each image's own."""
    case, rng = cases("haframe"), np.random.default_rng(0)
    floors = rng.uniform(0, 1, 256).astype(np.float32)
    for allowed in (rng.uniform(size=(256, 7)) > 0.7, np.array([[True] + [False] * 6])):
        found = case.run(floor=floors, allowed=allowed)
        expected = case.model.decide(case.images, floor=floors, allowed=allowed)
        assert found["node_id"].tolist() == expected.node.tolist()
        assert found["reason"].tolist() == expected.reason


def test_any_batch_and_no_other_shapes(cases):
    case = cases("haframe")
    whole = case.run()
    for n in (1, 3):
        some = case.run(images=case.images[:n])
        np.testing.assert_allclose(some["score"], whole["score"][:n], atol=1e-6)
    for wrong in (
        {"floor": np.full(5, 0.5, np.float32)},
        {"allowed": np.ones((1, 6), bool)},
        {"images": case.images[:, :8]},
    ):
        with pytest.raises(Exception, match=r"(?i)dimension|broadcast|expand"):
            case.run(**wrong)


def test_what_the_file_says_of_itself(cases):
    case = cases("haframe")
    found = read_facts(case.path)
    assert found.tree == TREE and found.facts["method"] == "haframe"
    assert found.facts["input"]["shape"] == [None, 16, 16, 3]
    assert found.facts["versions"][keras.backend.backend()]
    assert "| top-1" in found.card.lower() and "decoded outside" in found.card
    keys = onnxruntime.InferenceSession(str(case.path)).get_modelmeta().custom_metadata_map
    assert json.loads(keys["keras_haframe.labels.json"])["classes"] == TREE.leaves


def test_pictures_as_they_are_decoded(cases, tmp_path):
    """`prepare=True`: the graph does what the model's own preparation does."""
    how = kh.data.Preprocessing((16, 16), "crop", input_range=(-1.0, 1.0))
    keras.utils.set_random_seed(0)
    model = kh.build(kh.models.small_cnn((16, 16, 3), (4, 8)), TREE, preprocessing=how)
    path = export_file(model, tmp_path / "m", prepare=True)
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (2, 19, 40, 3)).astype(np.uint8)
    prepared = np.stack([how.scale(resizing.resized(how, p)) for p in pictures])
    found = run(path, {**cases("haframe").inputs, "images": pictures})
    expected = softmax(model.predict(prepared, verbose=0))
    np.testing.assert_allclose(found["probabilities"], expected, rtol=0, atol=1e-5)
    facts = read_facts(path)
    assert facts.facts["input"]["dtype"] == "uint8" and facts.facts["preprocessing"]["size"] == [
        16,
        16,
    ]
    assert "`images`: uint8, batch of any x any x 3" in facts.card
    with pytest.raises(ValueError, match="bicubic"):
        bicubic = kh.data.Preprocessing(interpolation="bicubic", input_range=(-1.0, 1.0))
        with pytest.warns(UserWarning, match="not that of the model"):
            export_file(model, tmp_path / "n", prepare=True, preprocessing=bicubic)
    assert [f.name for f in tmp_path.iterdir()] == ["m.onnx"]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends(backend, tmp_path):
    """The same tests in a process of another backend, on JAX one that cannot import TensorFlow."""
    needed = (backend, *networks.NEEDS[backend])
    if keras.backend.backend() != "tensorflow" or not all(map(importlib.util.find_spec, needed)):
        pytest.skip(f"needs {needed}")
    block = BLOCKED if backend == "jax" else ""  # parts of PyTorch look for TensorFlow
    code = block + (
        "import pytest, sys\n"
        "chosen = ['-p', 'no:cacheprovider', '-m', 'not slow', sys.argv[1]]\n"
        "sys.exit(pytest.main([*chosen, '-k', 'runtime or pictures or says']))"
    )
    root = pathlib.Path(kh.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code, __file__], capture_output=True, text=True, timeout=500,
        cwd=root, env={**os.environ, "KERAS_BACKEND": backend},
    )  # fmt: skip
    passed = f"{4 + (backend == 'torch')} passed"
    assert done.returncode == 0 and passed in done.stdout, done.stdout[-3000:]
