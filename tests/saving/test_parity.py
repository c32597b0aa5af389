"""Keras `predict`, SavedModel and C API give the same numbers, for every method."""

import functools
import json
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.serving.messages import pb
from tests import trees
from tests.brute_force import softmax
from tests.saving import tiny
from tests.serving import c_api

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="SavedModels are written on TensorFlow"
)
CASES = [(name, {}) for name in kh.methods.names()]
CASES += [("haframe", {"frame": frame}) for frame in ("structured", "low_rank")]
IDS = ["-".join([name, *options.values()]) for name, options in CASES]
QUICK = ("haframe",)
PARAMETERS = [pytest.param(i, marks=() if i in QUICK else pytest.mark.slow) for i in IDS]
FLOOR = 0.5
TREE = trees.uneven()
SIGNATURES = ("serving_default", "hierarchical", "features")


class Case:
    """One exported model with what Keras says about the 256 images."""

    def __init__(self, made_once, name: str):
        method, options = CASES[IDS.index(name)]
        self.model = tiny.model(TREE, method, **options)
        self.path = made_once(f"parity_{name}", lambda f: kh.export(self.model, f / "m")) / "m/1"
        self.images = tiny.images()
        self.p = softmax(self.model.predict(self.images, verbose=0))
        features = self.model.features(self.images).astype(np.float64)
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
        best = self.p.argmax(1)
        self.expected = {
            "serving_default": {
                "probabilities": self.p,
                "class_id": best,
                "class_name": np.array(TREE.leaves)[best],
                "score": self.p.max(1),
            },
            "hierarchical": tiny.hierarchy_twin(self.p, TREE, FLOOR),
            "features": {"features": features / lengths},
        }


@pytest.fixture(scope="module")
def cases(made_once):
    return functools.cache(lambda name: Case(made_once, name))


@pytest.fixture(scope="module")
def from_c(cases, made_once, request):
    """Every signature of the asked methods through the C API, in one process without tensorflow."""
    asked = [i for i in request.session.items if getattr(i, "originalname", "") == "test_c_api"]
    names = [item.callspec.params["name"] for item in asked]
    folder = made_once("c_api", lambda folder: through_the_c_api(cases, names, folder))
    return lambda name, key: dict(np.load(folder / f"{name}.{key}.npz"))


def through_the_c_api(cases, names, folder):
    np.save(folder / "images.npy", tiny.images())
    np.save(folder / "threshold.npy", np.full(256, FLOOR, np.float32))
    jobs = []
    for name in names:
        saved = pb.SavedModel.FromString((cases(name).path / "saved_model.pb").read_bytes())
        signatures = saved.meta_graphs[0].signature_def
        runs = [
            {
                "feeds": {
                    tensor.name: str(folder / f"{k}.npy")
                    for k, tensor in signatures[key].inputs.items()
                },
                "fetches": {k: tensor.name for k, tensor in signatures[key].outputs.items()},
                "to": str(folder / f"{name}.{key}.npz"),
            }
            for key in SIGNATURES
        ]
        jobs.append({"model": str(cases(name).path), "runs": runs})
    (folder / "jobs.json").write_text(json.dumps(jobs))
    run = subprocess.run(
        [sys.executable, "-S", c_api.__file__, str(folder / "jobs.json"), json.dumps(sys.path)],
        capture_output=True, text=True, timeout=600, cwd=folder,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    assert "done without tensorflow and keras" in run.stdout


@pytest.mark.parametrize("name", PARAMETERS)
def test_saved_model(cases, name):
    import tensorflow as tf

    case = cases(name)
    served = tf.saved_model.load(str(case.path)).signatures
    images, threshold = tf.constant(case.images), tf.fill([256], FLOOR)
    for key in SIGNATURES:
        feeds = {"threshold": threshold} if key == "hierarchical" else {}
        tiny.assert_same(served[key](images=images, **feeds), case.expected[key])
    assert len(set(case.p.argmax(1))) > 1  # the images are not all of one class


def test_decisions_and_reasons(cases):
    """The served `decide` says what `model.decide` says, word for word."""
    import tensorflow as tf

    case, rng = cases("haframe"), np.random.default_rng(0)
    served = tf.saved_model.load(str(case.path)).signatures["decide"]
    floors = rng.uniform(0, 1, 256).astype(np.float32)
    for allowed in (rng.uniform(size=(256, 7)) > 0.7, np.array([[True] + [False] * 6])):
        found = served(images=tf.constant(case.images), floor=tf.constant(floors),
                       allowed=tf.constant(allowed))  # fmt: skip
        expected = case.model.decide(case.images, floor=floors, allowed=allowed)
        assert found["node_id"].numpy().tolist() == expected.node.tolist()
        assert [v.decode() for v in found["reason"].numpy()] == expected.reason
        np.testing.assert_allclose(found["node_probability"], expected.probability, atol=1e-5)


@pytest.mark.parametrize("name", PARAMETERS)
def test_c_api(cases, from_c, name):
    for key in SIGNATURES:
        tiny.assert_same(from_c(name, key), cases(name).expected[key])


@pytest.mark.slow
def test_openvino_reads_the_saved_model(cases):
    """Its `serving_default`, names of classes included."""
    openvino = pytest.importorskip("openvino")
    case, core = cases("haframe"), openvino.Core()
    model = core.compile_model(str(case.path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    outputs = model({"images": case.images})
    found = {o.any_name: outputs[o] for o in model.outputs}
    tiny.assert_same(found, case.expected["serving_default"])
