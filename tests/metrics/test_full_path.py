import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.decisions import level_probabilities
from keras_haframe.metrics import (
    FullPathAccuracy,
    TreeInconsistency,
    full_path_accuracy,
    tree_inconsistency,
)
from keras_haframe.tree.level_maps import LevelMaps
from tests import trees
from tests.compiled import compiled
from tests.metrics import contract
from tests.trees import SHAPES, ancestors, labels


def level_scores(tree, batch, seed=0):
    """Random scores of every level that agree with a path more often than chance."""
    rng = np.random.default_rng(seed)
    guess = tree.level_labels()[rng.integers(0, tree.num_classes, batch)]
    out = []
    for level, column in enumerate(guess.T[::-1], start=1):
        scores = rng.normal(size=(batch, tree.level_labels()[:, -level].max() + 1))
        scores[np.arange(batch), column] += 2.5
        out.append(scores.astype("float32"))
    return out


def level_node(tree, k, level):
    """Node of class k at a level, by walking up: depth min(level, depth of k)."""
    depth = min(level, len(ancestors(tree, k)) - 1)
    return ancestors(tree, k)[::-1][depth]


def brute(y, scores, tree):
    right, broken = [], []
    for b in range(len(y)):
        said = []
        for level, s in enumerate(scores, start=1):
            number = int(np.argmax(s[b]))
            # Any class numbered so on this level tells which node is meant.
            k = [int(v) for v in tree.level_labels()[:, -level]].index(number)
            said.append(level_node(tree, k, level))
        right.append(all(n == level_node(tree, y[b], i) for i, n in enumerate(said, start=1)))
        broken.append(not all(n in ancestors(tree, said[-1]) for n in said))
    return np.array(right, float), np.array(broken, float)


def test_worked_tree_by_hand(tree):
    fine = np.eye(4, dtype="float32")[[0, 0, 1, 2]]  # car, car, truck, jet
    coarse = np.eye(2, dtype="float32")[[0, 1, 0, 1]]  # land, air, land, air
    y = [0, 0, 0, 2]
    np.testing.assert_array_equal(full_path_accuracy(y, [coarse, fine], tree), [1, 0, 0, 1])
    np.testing.assert_array_equal(tree_inconsistency([coarse, fine], tree), [0, 1, 0, 0])


@pytest.mark.parametrize("shape", SHAPES)
def test_against_loops(shape):
    tree = SHAPES[shape]()
    y, scores = labels(tree, 25), level_scores(tree, 25)
    right, broken = brute(y, scores, tree)
    np.testing.assert_array_equal(full_path_accuracy(y, scores, tree), right)
    np.testing.assert_array_equal(tree_inconsistency(scores, tree), broken)


def test_the_scores_of_the_label_are_right_and_consistent(uneven_tree):
    y = np.arange(uneven_tree.num_classes)
    scores = level_probabilities(np.eye(uneven_tree.num_classes, dtype="float32"), uneven_tree)
    np.testing.assert_array_equal(full_path_accuracy(y, scores, uneven_tree), np.ones(len(y)))
    np.testing.assert_array_equal(tree_inconsistency(scores, uneven_tree), np.zeros(len(y)))


def test_summed_probabilities_may_contradict_their_best_class(tree):
    """jet is the best class, land the better parent: roll-up does not make answers consistent."""
    scores = level_probabilities([[0.35, 0.25, 0.4, 0.0]], tree)
    assert float(tree_inconsistency(scores, tree)[0]) == 1.0
    assert float(full_path_accuracy([2], scores, tree)[0]) == 0.0


def test_takes_the_outputs_of_a_model_with_a_head_per_level(uneven_tree):
    y, scores = labels(uneven_tree, 12), level_scores(uneven_tree, 12)
    names = LevelMaps(uneven_tree).names  # coarsest first
    outputs = {"features": np.ones((12, 3)), **dict(zip(names, scores))}
    right, broken = brute(y, scores, uneven_tree)
    np.testing.assert_array_equal(full_path_accuracy(y, outputs, uneven_tree), right)
    np.testing.assert_array_equal(tree_inconsistency(outputs, uneven_tree), broken)


@pytest.mark.parametrize("metric, which", [(FullPathAccuracy, 0), (TreeInconsistency, 1)])
def test_streams_with_weights_and_resets(uneven_tree, metric, which):
    y, scores = labels(uneven_tree, 30), level_scores(uneven_tree, 30)
    values = brute(y, scores, uneven_tree)[which]
    weight = np.random.default_rng(4).uniform(size=30).astype("float32")
    m = metric(uneven_tree)
    assert float(m.result()) == 0.0
    for part in (slice(0, 7), slice(7, 8), slice(8, 8), slice(8, 30)):
        m.update_state(y[part], [s[part] for s in scores])
    np.testing.assert_allclose(m.result(), values.mean(), rtol=1e-6)
    m.reset_state()
    m.update_state(y, scores, sample_weight=weight)
    np.testing.assert_allclose(m.result(), (values * weight).sum() / weight.sum(), rtol=1e-5)


def test_directions_names_and_configuration(tree):
    for cls, direction in ((FullPathAccuracy, "up"), (TreeInconsistency, "down")):
        m = cls(tree, name="mine")
        assert m._direction == direction
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(m))
        assert type(again) is cls and again.name == "mine" and again.tree == tree
    assert kh.metrics.FullPathAccuracy(tree).name == "full_path_accuracy"
    assert kh.metrics.TreeInconsistency(tree).name == "tree_inconsistency"


def test_compiles_and_takes_half_precision(tree):
    y, scores = labels(tree, 9), level_scores(tree, 9)
    found = compiled(lambda a, b, c: full_path_accuracy(a, [b, c], tree))(y, *scores)
    half = [ops.cast(ops.convert_to_tensor(s), "bfloat16") for s in scores]
    rounded = [ops.convert_to_numpy(ops.cast(s, "float32")) for s in half]
    np.testing.assert_array_equal(ops.convert_to_numpy(found), brute(y, scores, tree)[0])
    np.testing.assert_array_equal(tree_inconsistency(half, tree), brute(y, rounded, tree)[1])


def test_refuses_missing_levels_and_wrong_shapes(tree):
    fine, coarse = np.zeros((2, 4), "float32"), np.zeros((2, 2), "float32")
    with pytest.raises(ValueError, match=r"list of 2 tensors.*coarsest first.*1 of them"):
        full_path_accuracy([0, 1], [fine], tree)
    with pytest.raises(ValueError, match="list of 2 tensors"):
        tree_inconsistency(fine, tree)
    with pytest.raises(ValueError, match=r"level 1 must have shape \[batch, 2\]"):
        tree_inconsistency([fine, coarse], tree)
    with pytest.raises(ValueError, match=r"logits of every level, .*logits_1"):
        tree_inconsistency({"logits": fine}, tree)
    with pytest.raises(ValueError, match="one-hot"):
        FullPathAccuracy(tree).update_state(np.eye(4)[:2], [coarse, fine])


def test_a_flat_tree_has_one_level_and_no_contradictions():
    tree = SHAPES["flat"]()
    y, scores = labels(tree, 20), level_scores(tree, 20)
    assert len(scores) == 1
    found = ops.convert_to_numpy(full_path_accuracy(y, scores, tree))
    np.testing.assert_array_equal(found, scores[0].argmax(1) == y)
    assert not ops.convert_to_numpy(tree_inconsistency(scores, tree)).any()


def test_a_right_path_is_a_consistent_one(uneven_tree):
    y, scores = labels(uneven_tree, 300), level_scores(uneven_tree, 300)
    right = ops.convert_to_numpy(full_path_accuracy(y, scores, uneven_tree)) > 0
    broken = ops.convert_to_numpy(tree_inconsistency(scores, uneven_tree)) > 0
    assert right.any() and broken.any() and (~right & ~broken).any()
    assert not (right & broken).any()


def test_single_child_levels_add_nothing():
    """A level above a chain holds the same nodes, so agreeing there is agreeing below."""
    tree = SHAPES["chain"]()
    p = np.array([[0.7, 0.3], [0.2, 0.8]], "float32")
    found = full_path_accuracy([0, 0], level_probabilities(p, tree), tree)
    np.testing.assert_array_equal(found, [1, 0])
    assert not ops.convert_to_numpy(tree_inconsistency(level_probabilities(p, tree), tree)).any()


def test_equal_scores_take_the_lower_node(tree):
    scores = [np.zeros((2, 2), "float32"), np.zeros((2, 4), "float32")]
    np.testing.assert_array_equal(full_path_accuracy([0, 1], scores, tree), [1, 0])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_labels_above_256_under_half_precision_policies(dtype):
    y, best, scores = contract.half_precision_example(dtype)
    groups = ops.cast(np.eye(20)[y // 20], dtype)  # the label's group, also where the class is not
    metric, broken = (m(trees.wide()) for m in (FullPathAccuracy, TreeInconsistency))
    for m in (metric, broken):
        m.update_state(y, [groups, scores])
    assert float(metric.result()) == 0.5 and (best == y).sum() == 2
    assert float(broken.result()) == 0.25
