"""A large tree in the served graph, against the decisions and the form of small trees."""

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.saving import large_tree, outputs
from keras_haframe.tree import config
from tests.trees import SHAPES, probabilities

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="exports a SavedModel"
)
NAMES = ['a "quoted" one', "back\\slash", 'end",', "Übergröße", "戦車", " blank ", "\\", "n\\n"]


@pytest.fixture
def large(monkeypatch):
    """Every tree is large."""
    monkeypatch.setattr(config, "SMALL", 0)
    monkeypatch.setattr(large_tree, "SMALL", 0)


@pytest.mark.parametrize("shape", SHAPES)
def test_nodes_risk_and_paths(shape):
    tree = SHAPES[shape]()
    p = probabilities(tree, 9)
    passes = large_tree.LargeTree(tree)
    nodes, risk = passes.nodes_and_risk(tf.constant(p))
    np.testing.assert_allclose(nodes, p @ tree.ancestors.T, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(risk, -p @ tree.distances(), rtol=1e-5, atol=1e-6)
    paths, real = passes.paths(tf.range(tree.num_classes))
    np.testing.assert_array_equal(paths, tree.paths)
    for k, row in enumerate(np.where(real, paths, -1)):
        assert [tree.nodes[n] for n in row if n >= 0] == tree.path(k)


@pytest.mark.parametrize("shape", SHAPES)
def test_outputs_are_those_of_small_trees(monkeypatch, shape):
    tree = SHAPES[shape]()
    rng = np.random.default_rng(1)
    p = tf.constant(probabilities(tree, 40))
    floors = tf.constant(rng.uniform(size=40), tf.float32)
    allowed = tf.constant(rng.uniform(size=(40, tree.num_classes)) < 0.6)
    for given in (None, allowed, allowed[:1]):
        small = outputs.hierarchical_outputs(p, tree, floors, given)
        monkeypatch.setattr(large_tree, "SMALL", 0)
        found = outputs.hierarchical_outputs(p, tree, floors, given)
        monkeypatch.undo()
        assert set(found) == set(small)
        for name in small:
            if small[name].dtype.is_floating:
                np.testing.assert_allclose(found[name], small[name], rtol=1e-5, atol=1e-6)
            else:
                np.testing.assert_array_equal(found[name], small[name], err_msg=name)


def test_names_of_any_kind(large, tmp_path):
    tree = kh.ClassTree([("r", name) for name in NAMES])
    tree.to_json(tmp_path / "tree.json")
    names = large_tree.NodeNames(tree, tmp_path / "tree.json")
    found = names(tf.reshape(tf.range(tree.num_nodes + 1), [2, 5]))
    assert [name.decode() for name in found.numpy().ravel()] == [*tree.nodes, ""]


def test_exported(large, tmp_path):
    edges = [("g", name) for name in NAMES[:5]] + [("r", name) for name in NAMES[5:]]
    tree = kh.ClassTree([("r", "g"), *edges])
    inputs = keras.Input((4,))
    backbone = keras.Model(inputs, keras.layers.Identity()(inputs))  # Keras 3.12 wants a layer
    model = kh.build(backbone, tree, "cross_entropy", hidden_units=None)
    path = kh.export(model, tmp_path / "served")
    assert sorted(f.name for f in (path / "assets").iterdir()) == ["model.json", "tree.json"]
    assert kh.ClassTree.from_json(path / "assets" / "tree.json") == tree
    images = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    decided = model.decide(images, floor=0.2)
    served = tf.saved_model.load(str(path)).signatures
    found = served["hierarchical"](images=tf.constant(images), threshold=tf.constant([0.2]))
    assert [name.decode() for name in found["node_name"].numpy()] == decided.name
    assert [text.decode() for text in found["reason"].numpy()] == decided.reason
    best = served["serving_default"](images=tf.constant(images))["class_name"].numpy()
    expected = [tree.leaves[k] for k in model.predict_classes(images, verbose=0)]
    assert [name.decode() for name in best] == expected
