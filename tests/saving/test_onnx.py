"""ONNX files say what Keras says, for every method, on the backend of this process."""

import functools
import importlib.util

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.decisions.answers import reasons
from keras_haframe.saving import export_file, networks
from tests import trees
from tests.brute_force import softmax
from tests.saving import tiny

onnxruntime = pytest.importorskip("onnxruntime")
missing = [
    name for name in networks.NEEDS[keras.backend.backend()] if not importlib.util.find_spec(name)
]
if missing:
    pytest.skip(f"needs {missing}", allow_module_level=True)

CASES = [(name, {}) for name in kh.methods.names()] + [("haframe", {"structured": True})]
IDS = [name + ("-structured" if options else "") for name, options in CASES]
QUICK = ("conditional_softmax", "haframe")  # the two kinds of outputs
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
        folder = made_once(f"onnx_{name}", lambda f: export_file(self.model, f / "m", "onnx"))
        self.path = folder / "m.onnx"
        self.images = tiny.images()
        self.p = softmax(self.model.predict(self.images, verbose=0))
        features = self.model.features(self.images).astype(np.float64)
        self.features = features / np.linalg.norm(features, axis=1, keepdims=True)
        self.inputs = {
            "images": self.images, "floor": np.array([FLOOR], np.float32), "allowed": ALL
        }  # fmt: skip

    def run(self, **inputs) -> dict:
        session = onnxruntime.InferenceSession(str(self.path))
        names = [o.name for o in session.get_outputs()]
        return dict(zip(names, session.run(names, {**self.inputs, **inputs}), strict=True))


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
    assert words == expected["reason"].tolist()
    assert [w.split(":")[0] for w in words] == [
        ("class", "rolled up", "root")[code] for code in found["reason_code"]
    ]
    same = {key: value for key, value in found.items() if key not in MORE}
    tiny.assert_same(same, {key: expected[key] for key in same})


@pytest.mark.parametrize("name", PARAMETERS)
def test_onnx_runtime(cases, name):
    case = cases(name)
    found = case.run()
    assert {k for k in found if k not in MORE} == set(tiny.hierarchy_twin(case.p[:1], TREE, FLOOR))
    check(case, found)
    assert len(set(case.p.argmax(1))) > 1  # the images are not all of one class
