"""Node probabilities: sums over the classes below every node."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.data import cifar100
from keras_haframe.decisions import roll_up
from keras_haframe.tree import ClassTree
from tests.brute_force import children, softmax
from tests.gradients import DTYPE, RTOL, assert_close, dot, gradient
from tests.trees import random_tree


def twin(p, tree):
    """Probability of a node as the sum of its children's, by recursion."""

    def mass(row, node):
        below = children(tree, node)
        return sum(mass(row, c) for c in below) if below else row[node]

    return np.array([[mass(row, n) for n in range(tree.num_nodes)] for row in p])


def test_by_hand(tree):
    """Classes as given, then land, air and the root in the order of `tree.nodes`."""
    found = ops.convert_to_numpy(roll_up([[0.5, 0.25, 0.25, 0.0]], tree))[0]
    by_name = dict(zip(tree.nodes, found.tolist()))
    assert by_name == {
        "car": 0.5, "truck": 0.25, "jet": 0.25, "glider": 0.0,
        "land": 0.75, "air": 0.25, "vehicle": 1.0,
    }  # fmt: skip


def test_twin(uneven_tree):
    rng = np.random.default_rng(0)
    for tree in (uneven_tree, *(random_tree(rng, k) for k in (2, 3, 12, 30))):
        p = softmax(rng.normal(size=(3, tree.num_classes)))
        assert_close(roll_up(p.astype(DTYPE), tree), twin(p, tree))


def test_is_the_ancestor_table(uneven_tree):
    p = softmax(np.random.default_rng(1).normal(size=(4, 7)))
    assert_close(roll_up(p.astype(DTYPE), uneven_tree), p @ uneven_tree.ancestors.T)


def test_order_of_nodes(uneven_tree):
    """All mass on one class lights up exactly its path to the root."""
    found = ops.convert_to_numpy(roll_up(np.eye(7, dtype=DTYPE), uneven_tree))
    for label in range(7):
        lit = {uneven_tree.nodes[n] for n in np.flatnonzero(found[label])}
        assert lit == set(uneven_tree.path(label))
        assert set(found[label]) == {0.0, 1.0}


def test_single_child_has_its_parent_probability(uneven_tree):
    found = ops.convert_to_numpy(roll_up(softmax(np.arange(7.0))[None].astype(DTYPE), uneven_tree))[
        0
    ]
    assert found[uneven_tree.index("chain")] == found[uneven_tree.index("link")]


def test_levels_sum_to_the_root():
    """On a balanced tree the nodes of every depth share out the whole mass."""
    tree = cifar100.class_tree()
    p = softmax(np.random.default_rng(2).normal(size=(2, 100)))
    found = ops.convert_to_numpy(roll_up(p.astype(DTYPE), tree))
    for depth in range(tree.height + 1):
        np.testing.assert_allclose(found[:, tree.depths == depth].sum(1), 1.0, rtol=1e-5)


def test_takes_a_tree_configuration(tree):
    p = [[0.5, 0.25, 0.25, 0.0]]
    np.testing.assert_array_equal(
        ops.convert_to_numpy(roll_up(p, tree.get_config())), ops.convert_to_numpy(roll_up(p, tree))
    )


@pytest.mark.parametrize("compiled", [False, True])
def test_gradient(uneven_tree, compiled):
    """A class receives the cotangents of all nodes on its path."""
    rng = np.random.default_rng(3)
    p, cotangent = softmax(rng.normal(size=(2, 7))), rng.normal(size=(2, uneven_tree.num_nodes))
    expected = [
        [sum(row[uneven_tree.index(n)] for n in uneven_tree.path(k)) for k in range(7)]
        for row in cotangent
    ]
    found = gradient(
        lambda p: dot(roll_up(p, uneven_tree), cotangent.astype(DTYPE)), p.astype(DTYPE), compiled
    )
    assert_close(found, expected, max(RTOL, 1e-5))


@pytest.mark.parametrize("batch", [0, 1])
def test_small_batches(uneven_tree, batch):
    found = roll_up(np.full((batch, 7), 1 / 7, DTYPE), uneven_tree)
    assert tuple(found.shape) == (batch, uneven_tree.num_nodes)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_sums_in_float32(dtype):
    """A running sum of 1000 x 0.001 in bfloat16 stops at 0.5."""
    flat = ClassTree([("root", f"c{i}") for i in range(1000)])
    p = ops.cast(np.full((1, 1000), 1e-3), dtype)
    found = roll_up(p, flat)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    np.testing.assert_allclose(ops.convert_to_numpy(found)[0, -1], 1.0, rtol=2e-3)


def test_one_hot_integers(tree):
    found = roll_up(np.array([[0, 0, 1, 0]]), tree)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    np.testing.assert_array_equal(ops.convert_to_numpy(found), [[0, 0, 1, 0, 0, 1, 1]])


def test_deep_chain():
    """Fifty single-child nodes above a pair of classes, and a class under the root."""
    edges = (
        [("n0", "early")]
        + [(f"n{i}", f"n{i + 1}") for i in range(50)]
        + [("n50", "a"), ("n50", "b")]
    )
    tree = ClassTree(edges, ["a", "early", "b"])
    found = ops.convert_to_numpy(roll_up([[0.25, 0.625, 0.125]], tree))[0]
    expected = {
        **{f"n{i}": 0.375 for i in range(1, 51)}, "n0": 1.0, "a": 0.25, "early": 0.625, "b": 0.125
    }  # fmt: skip
    assert dict(zip(tree.nodes, found.tolist())) == expected


@pytest.mark.parametrize("shape", [(4,), (2, 5), (1, 4, 1)])
def test_probability_shape(tree, shape):
    with pytest.raises(ValueError, match=r"Probabilities must have shape \[batch, 4\]") as error:
        roll_up(np.ones(shape), tree)
    assert str(shape) in str(error.value)


def test_needs_a_tree():
    with pytest.raises(ValueError, match="`tree` must be a keras_haframe"):
        roll_up([[1.0]], np.zeros((1, 1)))
