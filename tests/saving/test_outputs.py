"""Outputs of the signatures from class probabilities, against loops in NumPy."""

import keras
import numpy as np
import pytest

from keras_haframe.decisions import conditional_risk, confidence_floor, decide
from keras_haframe.saving import outputs
from tests.brute_force import softmax
from tests.saving import tiny
from tests.trees import random_tree

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the signatures are TensorFlow graphs"
)


def probabilities(tree, batch=40, sharpness=3.0, seed=0):
    z = np.random.default_rng(seed).normal(0, sharpness, (batch, tree.num_classes))
    return softmax(z).astype(np.float32)


@pytest.mark.parametrize("entries", [0, 2**20], ids=["tree pass", "table"])
@pytest.mark.parametrize("seed", range(4))
def test_hierarchical_outputs(monkeypatch, entries, seed):
    import tensorflow as tf

    monkeypatch.setattr(outputs, "DENSE_ENTRIES", entries)
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, int(rng.integers(2, 30)))
    p = probabilities(tree, seed=seed)
    floors = rng.uniform(0, 1.1, len(p)).astype(np.float32)
    found = outputs.hierarchical_outputs(tf.constant(p), tree, tf.constant(floors))
    tiny.assert_same(found, tiny.hierarchy_twin(p.astype(np.float64), tree, floors))
    np.testing.assert_array_equal(found["node_id"], confidence_floor(p, tree, floors))
    risk = keras.ops.convert_to_numpy(conditional_risk(p, tree))
    np.testing.assert_allclose(found["decision_distance"], -risk.max(1), atol=1e-5)


@pytest.mark.parametrize("entries", [0, 2**20], ids=["tree pass", "table"])
def test_by_hand(tree, monkeypatch, entries):
    """car 0.4, truck 0.2, jet 0.3, glider 0.1: land 0.6, air 0.4."""
    import tensorflow as tf

    monkeypatch.setattr(outputs, "DENSE_ENTRIES", entries)
    p = tf.constant([[0.4, 0.2, 0.3, 0.1]] * 4)
    found = outputs.hierarchical_outputs(p, tree, tf.constant([0.3, 0.5, 0.7, np.nan]))
    assert found["path"].numpy().tolist() == [[b"vehicle", b"land", b"car"]] * 4
    np.testing.assert_allclose(found["path_probabilities"][0], [1, 0.6, 0.4], atol=1e-6)
    assert [n.decode() for n in found["node_name"].numpy()] == ["car", "land", "vehicle", "vehicle"]
    assert found["node_depth"].numpy().tolist() == [2, 1, 0, 0]
    # Expected distance of car: 0.2 x 1 + 0.4 x 2.
    np.testing.assert_allclose(found["decision_distance"], 1.0, atol=1e-6)
    assert found["decision_name"].numpy()[0] == b"car"


@pytest.mark.parametrize("seed", range(3))
def test_reasons_are_those_of_decide(seed):
    import tensorflow as tf

    rng = np.random.default_rng(seed)
    tree = random_tree(rng, int(rng.integers(4, 30)))
    p = probabilities(tree, 200, sharpness=1.5, seed=seed)
    floors = rng.uniform(0, 1, 200).astype(np.float32)
    seen = set()
    for allowed in (None, rng.uniform(size=(200, tree.num_classes)) > 0.7):
        given = None if allowed is None else tf.constant(allowed)
        found = outputs.hierarchical_outputs(tf.constant(p), tree, tf.constant(floors), given)
        expected = decide(p, tree, floor=floors, allowed=allowed)
        np.testing.assert_array_equal(found["node_id"], expected.node)
        assert [v.decode() for v in found["reason"].numpy()] == expected.reason
        seen |= {why.split(":")[0] for why in expected.reason}
    assert seen == {"class", "rolled up", "not on the list", "root"}


def test_one_threshold_serves_all(tree):
    import tensorflow as tf

    p = tf.constant(probabilities(tree))
    one = outputs.hierarchical_outputs(p, tree, tf.constant([0.7]))
    many = outputs.hierarchical_outputs(p, tree, tf.fill([40], 0.7))
    np.testing.assert_array_equal(one["node_id"], many["node_id"])


def test_top_outputs(uneven_tree):
    import tensorflow as tf

    p = probabilities(uneven_tree)
    found = outputs.top_outputs(tf.constant(p), uneven_tree, 3)
    order = np.argsort(-p, axis=1)[:, :3]
    names = [[n.decode() for n in row] for row in found["classes"].numpy()]
    assert names == np.array(uneven_tree.leaves)[order].tolist()
    np.testing.assert_array_equal(found["scores"], np.take_along_axis(p, order, 1))
    assert outputs.top_outputs(tf.constant(p), uneven_tree, 99)["scores"].shape[1] == 7


def test_bad_rows_are_blank_and_the_others_untouched():
    import tensorflow as tf

    given = {
        "f": tf.constant([[1.0, 2.0], [3.0, 4.0]]),
        "i": tf.constant([5, 6]),
        "s": tf.constant([["a"], ["b"]]),
    }
    found = outputs.blank_bad_rows(given, tf.constant([True, False]))
    np.testing.assert_array_equal(found["f"], [[1, 2], [np.nan, np.nan]])
    assert found["i"].numpy().tolist() == [5, -1]
    assert found["s"].numpy().tolist() == [[b"a"], [b""]]


def test_features_are_unit_or_zero():
    import tensorflow as tf

    x = np.array([[3.0, 4.0], [0.0, 0.0], [1e-3, 0.0]], np.float16)
    found = outputs.unit_features(tf.constant(x))["features"].numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0], [1, 0]], atol=1e-3)
