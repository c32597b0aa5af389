"""`Method`: options from the loss, built once, listed, documented, kept."""

import inspect
import json
import pathlib
import re

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.methods import LinearMethod, Method, base
from keras_haframe.tree_ops import target_rows
from tests.networks import backbone, data

PAGES = pathlib.Path(kh.__file__).parents[1] / "docs" / "methods"
NAMES = kh.methods.names()


@pytest.mark.parametrize("name", NAMES)
def test_options_are_those_of_loss_and_head(name, tree):
    cls = kh.methods.find(name)
    loss = set(inspect.signature(cls.Loss).parameters) - {"tree", "name", "reduction", "dtype"}
    assert set(cls.defaults()) == loss | set(cls.head_options)
    assert set(cls(tree).options()) == set(cls.defaults())
    assert list(inspect.signature(cls).parameters) == ["tree", *cls.defaults()]


@pytest.mark.parametrize("name", NAMES)
def test_options_survive_json(name, uneven_tree):
    method = kh.methods.get(name, uneven_tree)
    again = kh.methods.get(
        name, uneven_tree.get_config(), **json.loads(json.dumps(method.options()))
    )
    assert again.options() == method.options()
    assert again.loss.get_config() == method.loss.get_config()
    assert type(again.loss) is type(method).Loss


@pytest.mark.parametrize("name", NAMES)
def test_help_explains_every_option(name):
    cls = kh.methods.find(name)
    for option in cls.defaults():
        assert re.search(rf"^ +([\w, ]+, )?{option}(, [\w, ]+)?: \S", cls.__doc__, re.M), option


@pytest.mark.parametrize("name", NAMES)
def test_page_names_every_option(name):
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    for option in kh.methods.find(name).defaults():
        assert f"`{option}`" in text, f"docs/methods/{name}.md does not name the option {option}"


def test_every_page_is_a_methods(tree):
    assert {p.stem for p in PAGES.glob("*.md")} == {*NAMES, "your_own"}


def test_classes_are_reachable_and_nothing_else():
    for name in NAMES:
        cls = kh.methods.find(name)
        assert getattr(kh.methods, cls.__name__) is cls
        assert cls.__name__ in kh.methods.__all__ and cls.__name__ in dir(kh.methods)
        assert cls.name == name and cls.__module__ == f"keras_haframe.methods.{name}"
    public = {n for n in dir(kh.methods) if not n.startswith("_")}
    files = {p.stem for p in pathlib.Path(kh.methods.__file__).parent.glob("*.py")}
    assert public - files == set(kh.methods.__all__)


@pytest.mark.parametrize("option", ["name", "reduction", "dtype"])
def test_arguments_of_losses_that_are_no_options(option, tree):
    with pytest.raises(ValueError, match=f"Unknown option '{option}' of method 'haframe'"):
        kh.methods.HAFrame(tree, **{option: "sum"})


@pytest.mark.parametrize(("method", "tables"), [("haframe", 1), ("soft_labels", 1), ("cpcc", 0)])
def test_one_table_of_targets_per_build(method, tables, tree, monkeypatch):
    made, make = [], target_rows.TargetRows.__init__

    def counted(self, *args, **kwargs):
        made.append(self)
        make(self, *args, **kwargs)

    monkeypatch.setattr(target_rows.TargetRows, "__init__", counted)
    model = kh.build(backbone(), tree, method, hidden_units=8)
    model.compile(keras.optimizers.SGD(0.1))
    assert len(made) == tables
    assert model.loss is model.method.loss


class Distance(kh.losses.LabelLoss):
    """A loss with an argument that must be given, any others, and a short configuration."""

    def __init__(self, tree, power, *others, name="distance", **kwargs):
        super().__init__(name, **kwargs)
        self.matrix = tree.distances() ** power

    def loss(self, labels, outputs):
        table = keras.ops.convert_to_tensor(self.matrix, dtype="float32")
        p = keras.ops.softmax(outputs["logits"])
        return keras.ops.sum(keras.ops.take(table, labels, axis=0) * p, axis=-1)


@pytest.fixture
def expected_distance():
    """A method of another file, forgotten after the test."""

    @kh.methods.register("expected_distance")
    class ExpectedDistance(LinearMethod):
        Loss = Distance
        head_options = {"seed": 0}

    yield ExpectedDistance
    del base._METHODS["expected_distance"]


def test_loss_with_required_and_variable_arguments(expected_distance, tree):
    assert expected_distance.defaults() == {"power": inspect.Parameter.empty, "seed": 0}
    with pytest.raises(ValueError, match="'expected_distance' needs the option 'power'"):
        kh.build(backbone(), tree, "expected_distance")
    model = kh.build(backbone(), tree, "expected_distance", power=2, seed=3, hidden_units=8)
    # What the configuration of the loss leaves out is kept as it was given.
    assert model.method.options() == {"power": 2, "seed": 3} and model.method.seed == 3
    images, labels = data(tree, 2)
    found = model.evaluate(images, labels, verbose=0, return_dict=True)["loss"]
    p = model.predict_proba(images, verbose=0)
    assert found == pytest.approx((tree.distances()[labels] ** 2 * p).sum(1).mean(), rel=1e-4)
    again = type(model).from_config(model.get_config())
    np.testing.assert_array_equal(again.loss.matrix, model.loss.matrix)
    assert "power" in expected_distance.__doc__  # without a text of its own


def test_head_must_return_names(tree):
    @kh.methods.register("nameless")
    class Nameless(Method):
        Loss = kh.losses.CrossEntropy

        def head(self, features, norm):
            return kh.methods.linear(self.tree.num_classes)(features)

    try:
        with pytest.raises(ValueError, match=r"Nameless\.head must return a dictionary"):
            kh.build(backbone(), tree, "nameless")
    finally:
        del base._METHODS["nameless"]


def test_repr_shows_the_options(tree):
    text = repr(kh.methods.get("soft_labels", tree, beta=4))
    assert text.startswith("SoftLabels(4 classes, beta=4.0")
