"""Pair distances without a K x K table, input checks, and the streaming mean."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.metrics.base import TreeMetric, check_inputs
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.pair_distances import PairDistances
from tests.brute_force import distance, distances
from tests.golden import golden_cases
from tests.trees import random_tree


class Score(TreeMetric):
    """Mean score of class 0, counting examples with a positive one only."""

    def __init__(self, tree, name="score", dtype=None):
        super().__init__(tree, name, dtype)

    def values(self, labels, scores):
        return scores[:, 0], scores[:, 0] > 0


# Pair distances ------------------------------------------------------------------------------


@pytest.mark.parametrize("convention", ["depth", "subtree"])
def test_all_pairs(uneven_tree, convention):
    rng = np.random.default_rng(0)
    for tree in (uneven_tree, *(random_tree(rng, k) for k in (2, 5, 23))):
        k = tree.num_classes
        labels, classes = np.arange(k), np.tile(np.arange(k), (k, 1))
        found = ops.convert_to_numpy(PairDistances(tree, convention)(labels, classes))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, distances(tree, convention))


def test_uneven_tree_by_hand(uneven_tree):
    """Height 4. Siblings c0, c1 at depth 4; l0, l1 at depth 3 below a chain; e under the root."""
    pairs = [("c0", "c1"), ("l0", "l1"), ("b0", "c0"), ("a0", "b0"), ("e", "l0"), ("e", "e")]
    labels, classes = (np.array([uneven_tree.index(p[i]) for p in pairs]) for i in (0, 1))
    for convention, expected in (("depth", [1, 2, 2, 3, 4, 0]), ("subtree", [1, 1, 2, 3, 4, 0])):
        found = PairDistances(uneven_tree, convention)(labels, classes[:, None])
        np.testing.assert_array_equal(ops.convert_to_numpy(found)[:, 0], expected)


@golden_cases("hierarchies/{name}_lca_heights.npz")
def test_benchmark_distances(golden, benchmark_tree, name):
    """The distance files of the papers, row by row."""
    tree = benchmark_tree(name)
    expected = golden(f"hierarchies/{name}_lca_heights.npz")["lca_heights"]
    k = tree.num_classes
    labels = np.arange(0, k, 7)
    found = PairDistances(tree)(labels, np.tile(np.arange(k), (len(labels), 1)))
    np.testing.assert_array_equal(ops.convert_to_numpy(found), expected[labels])


def test_unknown_convention(tree):
    with pytest.raises(ValueError, match="`convention` must be one of"):
        PairDistances(tree, "height")


def test_ten_thousand_classes():
    """Holds K x (height + 1) numbers."""
    tree = ClassTree(
        [("root", f"g{i}") for i in range(100)] + [(f"g{i % 100}", f"c{i}") for i in range(10_000)],
        [f"c{i}" for i in range(10_000)],
    )
    pair = PairDistances(tree)
    assert pair.paths.size == 30_000
    labels = np.array([0, 9999, 5])
    classes = np.array([[100, 1], [99, 9999], [5, 9905]])
    expected = [[distance(tree, a, b) for b in row] for a, row in zip(labels, classes)]
    assert expected == [[1, 2], [1, 0], [0, 1]]
    np.testing.assert_array_equal(ops.convert_to_numpy(pair(labels, classes)), expected)


# Input checks --------------------------------------------------------------------------------


def test_good_inputs_become_tensors():
    labels, scores, lost = check_inputs([1, 0], [[0.0, 1.0], [1.0, 0.0]], 2)
    assert not ops.convert_to_numpy(lost).any()
    assert keras.backend.standardize_dtype(labels.dtype) == "int32"
    assert tuple(scores.shape) == (2, 2)


@pytest.mark.parametrize("shape", [(3, 5), (4,), (3, 4, 1), (4, 3)])
def test_score_shape(shape):
    with pytest.raises(ValueError, match=r"Scores must have shape \[batch, 4\]") as error:
        check_inputs(np.zeros(3, "int32"), np.zeros(shape), 4)
    assert str(shape) in str(error.value)


def test_label_shape():
    with pytest.raises(ValueError, match=r"\(3, 1\). Drop the last axis"):
        check_inputs(np.zeros((3, 1), "int32"), np.zeros((3, 4)), 4)
    with pytest.raises(ValueError, match=r"one-hot: use `numpy\.argmax"):
        check_inputs(np.eye(4)[:3], np.zeros((3, 4)), 4)


# Streaming mean ------------------------------------------------------------------------------


def test_mean_over_examples_not_batches(tree):
    metric = Score(tree)
    for batch in ([1.0], [2.0, -5.0, 3.0, 6.0], [-1.0]):
        scores = np.zeros((len(batch), 4), "float32")
        scores[:, 0] = batch
        metric.update_state(np.zeros(len(batch), "int32"), scores)
    assert float(metric.result()) == 3.0
    assert float(metric.count) == 4.0
    metric.reset_state()
    assert float(metric.count) == 0.0
    assert float(metric.result()) == 0.0


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_sample_weight(tree, shape):
    metric = Score(tree)
    scores = np.array([[1.0, 0, 0, 0], [4, 0, 0, 0], [-9, 0, 0, 0]])
    metric.update_state(np.zeros(3, "int32"), scores, np.reshape([1.0, 0.5, 7.0], shape))
    np.testing.assert_allclose(float(metric.result()), (1 + 2) / 1.5)


def test_never_below_float32(tree):
    """Counts above 256 would stop growing in bfloat16."""
    keras.config.set_dtype_policy("bfloat16")
    metric = Score(tree)
    assert metric.dtype == "float32"
    for _ in range(3):
        metric.update_state(np.zeros(200, "int32"), np.ones((200, 4), "float32"))
    assert float(metric.count) == 600.0


def test_base_class_has_no_values(tree):
    with pytest.raises(NotImplementedError):
        TreeMetric(tree, "nothing").update_state([0], [[1.0, 0, 0, 0]])


def test_needs_a_tree():
    with pytest.raises(ValueError, match="`tree` must be a keras_haframe"):
        Score(100)
