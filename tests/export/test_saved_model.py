"""The exported SavedModel: versions, named outputs, no need of this package."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_haframe as kh

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="SavedModels are written on TensorFlow"
)


@pytest.fixture
def model(tree):
    net = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    return kh.build(net, tree)


def test_versions_count_up_and_nothing_is_overwritten(model, tmp_path):
    assert kh.export(model, tmp_path / "m") == tmp_path / "m" / "1"
    assert kh.export(model, tmp_path / "m") == tmp_path / "m" / "2"
    assert kh.export(model, tmp_path / "m", version=7) == tmp_path / "m" / "7"
    assert kh.export(model, tmp_path / "m") == tmp_path / "m" / "8"
    with pytest.raises(ValueError, match=r"exists already.*\(9\)"):
        kh.export(model, tmp_path / "m", version=7)
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == ["1", "2", "7", "8"]


def test_a_fresh_process_without_the_package_serves_it(model, tmp_path):
    x = np.random.default_rng(0).normal(size=(5, 8, 8, 3)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    path = kh.export(model, tmp_path / "m")
    code = """
import json, sys
import numpy as np, tensorflow as tf
served = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
out = served(images=tf.constant(np.load(sys.argv[2])))
assert "keras_haframe" not in sys.modules
print(json.dumps({
    "p": out["probabilities"].numpy().tolist(), "id": out["class_id"].numpy().tolist(),
    "name": [n.decode() for n in out["class_name"].numpy()], "score": out["score"].numpy().tolist(),
}))
"""
    run = subprocess.run(
        [sys.executable, "-c", code, str(path), str(tmp_path / "x.npy")],
        capture_output=True, text=True, check=True, timeout=300, cwd=tmp_path,
    )  # fmt: skip
    out = json.loads(run.stdout.splitlines()[-1])
    scores = model.predict(x, verbose=0)
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_allclose(out["p"], p, atol=1e-5)
    assert out["id"] == p.argmax(1).tolist()
    assert out["name"] == [model.tree.leaves[i] for i in p.argmax(1)]
    np.testing.assert_allclose(out["score"], p.max(1), atol=1e-5)


def test_weights_are_stored_once(tree, tmp_path):
    net = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4000, 3)])
    model = kh.build(net, tree)
    path = kh.export(model, tmp_path / "m")
    stored = sum(f.stat().st_size for f in (path / "variables").glob("*.data*"))
    weights = sum(int(np.prod(v.shape)) * 4 for v in model.variables)
    assert weights <= stored < 1.1 * weights
