"""The SavedModel in another TensorFlow than the one that wrote it, such as the version before.

KERAS_HAFRAME_OLD_TENSORFLOW is a Python that has it; Keras and this package are not imported there.
"""

import os
import subprocess

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.data import Preprocessing
from tests.saving import tiny
from tests.saving.pictures import BAD, encode, jpeg_of_scans, rgb

PYTHON = os.environ.get("KERAS_HAFRAME_OLD_TENSORFLOW")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON, reason="needs KERAS_HAFRAME_OLD_TENSORFLOW"),
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="writes SavedModels"),
]
CODE = """
import pathlib, sys
import numpy as np, tensorflow as tf
path, inputs = sys.argv[1], dict(np.load("inputs.npz"))
inputs["image_bytes"] = [p.read_bytes() for p in sorted(pathlib.Path("images").iterdir())]
new, found = tf.saved_model.load(path).signatures, {}
needs = {name: list(new[name].structured_input_signature[1]) for name in sys.argv[2:]}
for name, keys in needs.items():
    for key, value in new[name](**{k: tf.constant(inputs[k]) for k in keys}).items():
        found[f"new/{name}/{key}"] = value.numpy()
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], path)
    for name, keys in needs.items():
        old = graph.signature_def[name]
        feed = {old.inputs[k].name: inputs[k] for k in keys}
        fetch = {k: v.name for k, v in old.outputs.items()}
        for key, value in session.run(fetch, feed).items():
            found[f"old/{name}/{key}"] = value
assert not {"keras_haframe"} & set(sys.modules)
np.savez("found.npz", **{k: v.astype(bytes) if v.dtype == object else v for k, v in found.items()})
print(tf.__version__)
"""


def test_another_tensorflow_gives_the_same(tree, tmp_path):
    import tensorflow as tf

    path = kh.export(tiny.model(tree), tmp_path / "m", preprocessing=Preprocessing(resize="pad"))
    pictures = [encode(rgb(33, 47, 1)), encode(rgb(9, 30, 2), "JPEG"), BAD["half a png"]]
    pictures.append(jpeg_of_scans(100))
    (tmp_path / "images").mkdir()
    for i, data in enumerate(pictures):
        (tmp_path / "images" / f"{i}").write_bytes(data)
    inputs = {
        "images": tiny.images(4),
        "floor": np.full(4, 0.6, np.float32),
        "threshold": np.full(4, 0.6, np.float32),
        "allowed": np.array([[True, False, True, True]] * 4),
    }
    np.savez(tmp_path / "inputs.npz", **inputs)
    served = tf.saved_model.load(str(path)).signatures
    names = [name for name in served if name != "classify"]
    done = subprocess.run(
        [PYTHON, "-c", CODE, str(path), *names], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": ""}, timeout=300,
    )  # fmt: skip
    assert not done.returncode, done.stderr[-2_000:]
    assert done.stdout.strip() != tf.__version__
    with np.load(tmp_path / "found.npz") as file:
        found = dict(file)
    inputs["image_bytes"] = pictures
    for name in names:
        wanted = served[name].structured_input_signature[1]
        expected = served[name](**{key: tf.constant(inputs[key]) for key in wanted})
        for key, value in expected.items():
            for loader in ("new", "old"):
                other = found.pop(f"{loader}/{name}/{key}")
                if value.dtype == tf.string:
                    assert other.tolist() == value.numpy().astype(bytes).tolist(), (name, key)
                else:
                    np.testing.assert_allclose(other, value, rtol=0, atol=1e-5, err_msg=key)
    assert not found and len(names) == 8
