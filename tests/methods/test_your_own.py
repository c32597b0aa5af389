"""docs/methods/your_own.md: a method in one file outside the package, exactly as printed."""

import importlib
import pathlib
import re
import sys

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.methods import base
from tests.methods.contract import check_linear_scores
from tests.networks import backbone, data, train

PAGE = pathlib.Path(kh.__file__).parents[1] / "docs" / "methods" / "your_own.md"


@pytest.fixture(scope="module")
def blocks():
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture
def focal(blocks, tmp_path, monkeypatch):
    """The module of the page, imported from a folder of the user's; forgotten afterwards."""
    (tmp_path / "focal.py").write_text(blocks[0], encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield importlib.import_module("focal")
    base._METHODS.pop("focal")
    sys.modules.pop("focal")


@pytest.mark.slow
def test_the_page_runs(blocks, focal, tree):
    images, labels = data(tree, 8)
    names = {
        "keras": keras, "keras_haframe": kh, "backbone": backbone(), "tree": tree,
        "images": images, "labels": labels,
    }  # fmt: skip
    exec(compile(blocks[1], str(PAGE), "exec"), names)
    model, again = names["model"], names["again"]
    assert model.method.options() == again.method.options() == {"focus": 1.5, "normalize": True}
    np.testing.assert_array_equal(
        again.predict(images, verbose=0), model.predict(images, verbose=0)
    )
    check_linear_scores(model, tree)
    assert again.evaluate(images, labels, verbose=0) == pytest.approx(
        model.evaluate(images, labels, verbose=0)
    )


@pytest.mark.slow
def test_it_learns(focal, tree):
    images, labels = data(tree, 8)
    model = kh.build(backbone(), tree, "focal", hidden_units=24)
    model.optimizer.learning_rate = 0.05
    first, last = train(model, images, labels, 25)
    assert last < 0.5 * first
    assert (model.predict_classes(images, verbose=0) == labels).mean() > 0.9


def test_loss_without_focus_is_cross_entropy(focal, tree):
    logits = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    labels = np.array([0, 1, 2, 3, 0])
    plain = kh.losses.CrossEntropy()(labels, logits)
    assert float(focal.FocalLoss(0.0)(labels, {"logits": logits})) == pytest.approx(float(plain))
    p = np.exp(logits[0, 0]) / np.exp(logits[0]).sum()
    one = focal.FocalLoss(2.0)(labels[:1], {"logits": logits[:1]})
    assert float(one) == pytest.approx(-((1 - p) ** 2) * np.log(p), rel=1e-5)


def test_help_and_hints(focal, tree):
    assert "focal" in kh.methods.names() and kh.methods.find("focal") is focal.Focal
    text = focal.Focal.__doc__
    assert "normalize: Put a batch" in text and "focus: How much less" in text
    with pytest.raises(ValueError, match=r"'focuss'.*Did you mean 'focus'\?"):
        kh.build(backbone(), tree, "focal", focuss=1)


def test_file_run_twice_and_file_not_imported(blocks, focal, tree, tmp_path):
    exec(compile(blocks[0], "focal.py", "exec"), {"__name__": "focal"})  # a notebook cell, say
    model = kh.build(backbone(), tree, "focal", hidden_units=8)
    model.save(tmp_path / "m.keras")
    taken = base._METHODS.pop("focal")
    try:
        with pytest.raises(ValueError, match="known when the file that registers it"):
            keras.models.load_model(tmp_path / "m.keras")
    finally:
        base._METHODS["focal"] = taken
