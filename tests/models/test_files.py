"""What a model's file holds, and what it refuses."""

import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

import keras_haframe as kh
from tests.saving import tiny

IMAGES, LABELS = tiny.images(12), np.arange(12) % 4


SLOW = [pytest.param(m, marks=pytest.mark.slow) for m in ("cross_entropy", "cpcc", "soft_labels")]


@pytest.mark.parametrize("method", ["haframe", *SLOW])
def test_the_tree_is_in_the_file_once_and_made_once(tree, tmp_path, method, monkeypatch):
    model = tiny.model(tree, method)
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as file:
        config = file.read("config.json").decode()
    assert config.count('"edges"') == 1 and config.count('"glider"') == 2  # an edge and a class
    made, usual = [], kh.ClassTree.__init__
    monkeypatch.setattr(
        kh.ClassTree, "__init__", lambda self, *a, **k: made.append(a) or usual(self, *a, **k)
    )
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert len(made) == 1
    assert loaded.loss.get_config() == model.loss.get_config()
    found = loaded.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)
    assert found == pytest.approx(model.evaluate(IMAGES, LABELS, verbose=0, return_dict=True))


def test_a_compile_configuration_of_before_is_read(tree):
    model = tiny.model(tree)
    old = keras.Model.get_compile_config(model)  # with the tree in the loss and in every metric
    assert json.dumps(old).count("edges") == 4
    other = tiny.model(tree)
    other.compile_from_config(json.loads(json.dumps(old)))
    assert other.loss.get_config() == model.loss.get_config()


@pytest.mark.slow
def test_the_message_without_the_package_does_not_repeat_the_tree(tmp_path):
    tree = kh.ClassTree.from_paths([f"kind_{i // 10}/class_{i}" for i in range(300)])
    tiny.model(tree, network="II").save(tmp_path / "m.keras")
    code = f"import keras; keras.models.load_model({str(tmp_path / 'm.keras')!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode and "Could not locate class 'HierarchicalClassifier'" in done.stderr
    assert done.stderr.count("class_299") == 2  # an edge and a class


@pytest.mark.parametrize("name", ["m.h5", "m.hdf5", "m.weights.h5"])
def test_a_file_that_cannot_be_read_back_is_refused(tree, tmp_path, name):
    with pytest.raises(ValueError, match=r"must end in \.keras.*m.*\.keras.*save_weights"):
        tiny.model(tree).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_clone_model_says_how_to_copy(tree):
    model = tiny.model(tree)
    with pytest.raises(ValueError, match=r"copy = type\(model\).from_config"):
        keras.models.clone_model(model)
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(model.predict(IMAGES, verbose=0), copy.predict(IMAGES, verbose=0))
    before = model.get_weights()[0].copy()
    copy.fit(IMAGES, LABELS, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_weights_of_classes_in_another_order(tree, tmp_path):
    model = tiny.model(tree)
    model.save(tmp_path / "m.keras")
    other = kh.ClassTree.from_nested({"air": ["jet", "glider"], "land": ["car", "truck"]})
    assert other.leaves != tree.leaves
    with pytest.raises(ValueError, match="the same classes in another order.*'car'.*'jet'"):
        tiny.model(other).load_weights(tmp_path / "m.keras")
    again = tiny.model(tree, seed=1)
    again.load_weights(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    model.save_weights(tmp_path / "m.weights.h5")
    again.load_weights(tmp_path / "m.weights.h5")
