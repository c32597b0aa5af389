"""Accuracy at a level of the tree."""

import itertools

import numpy as np
import pytest
from keras import ops

from keras_haframe.data import cifar100
from keras_haframe.metrics import LevelAccuracy, Top1Accuracy, level_accuracy
from tests import trees
from tests.brute_force import ranking
from tests.metrics import contract
from tests.trees import random_tree


def ancestor(tree, label, level):
    """Name of the ancestor of a class at a depth; the class itself if shallower."""
    path = tree.path(int(label))
    return path[min(level, len(path) - 1)]


def each(tree, labels, scores, level):
    return [
        float(ancestor(tree, y, level) == ancestor(tree, ranking(s)[0], level))
        for y, s in zip(labels, scores)
    ]


def twin(tree, level):
    return lambda labels, scores: float(np.mean(each(tree, labels, scores, level)))


# Values --------------------------------------------------------------------------------------


def test_by_hand(tree):
    """Always car: right for a car, on land for a truck, neither for aircraft."""
    labels, scores = np.arange(4), np.eye(4)[[0, 0, 0, 0]]
    for level, expected in ((-1, [1, 0, 0, 0]), (2, [1, 0, 0, 0]), (1, [1, 1, 0, 0])):
        found = ops.convert_to_numpy(level_accuracy(labels, scores, tree, level))
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == np.float32
        metric = LevelAccuracy(tree, level)
        metric.update_state(labels, scores)
        assert float(metric.result()) == np.mean(expected)


def test_uneven_tree_by_hand(uneven_tree):
    """Level 2 is depth 2: b, a0, link and, shallower, e itself."""
    names = ["c0", "c0", "b0", "a0", "l0", "e"]
    answers = ["c1", "a0", "c1", "b0", "l1", "l1"]
    labels = [uneven_tree.index(n) for n in names]
    scores = np.eye(7)[[uneven_tree.index(n) for n in answers]]
    expected = {4: [0] * 6, 3: [1, 0, 0, 0, 0, 0], 2: [1, 0, 1, 0, 1, 0], 1: [1, 1, 1, 1, 1, 0]}
    for level, hits in expected.items():
        found = level_accuracy(labels, scores, uneven_tree, level)
        np.testing.assert_array_equal(ops.convert_to_numpy(found), hits)


def test_random_trees():
    rng = np.random.default_rng(0)
    for classes in (2, 7, 25):
        tree = random_tree(rng, classes)
        labels, scores = rng.integers(0, classes, 40), rng.normal(size=(40, classes))
        for level in range(1, tree.height + 1):
            expected = each(tree, labels, scores, level)
            found = level_accuracy(labels, scores, tree, level)
            np.testing.assert_array_equal(ops.convert_to_numpy(found), expected)


def test_the_classes_are_top1(uneven_tree):
    rng = np.random.default_rng(1)
    labels, scores = rng.integers(0, 7, 50), rng.normal(size=(50, 7))
    metrics = [LevelAccuracy(uneven_tree), Top1Accuracy(uneven_tree)]
    for metric in metrics:
        metric.update_state(labels, scores)
    assert float(metrics[0].result()) == float(metrics[1].result()) > 0


def test_coarser_levels_are_never_harder(uneven_tree):
    rng = np.random.default_rng(2)
    labels, scores = rng.integers(0, 7, 50), rng.normal(size=(50, 7))
    hits = [
        ops.convert_to_numpy(level_accuracy(labels, scores, uneven_tree, level))
        for level in (4, 3, 2, 1)
    ]
    assert all((fine <= coarse).all() for fine, coarse in itertools.pairwise(hits))
    assert hits[0].sum() < hits[3].sum()


def test_benchmark_levels():
    """On CIFAR-100 the mean over levels of the misses is the mean distance: H levels, height h."""
    tree = cifar100.class_tree()
    rng = np.random.default_rng(3)
    labels, scores = rng.integers(0, 100, 64), rng.normal(size=(64, 100))
    misses = sum(
        1 - ops.convert_to_numpy(level_accuracy(labels, scores, tree, level))
        for level in range(1, 6)
    )
    expected = tree.distances()[labels, scores.argmax(1)]
    np.testing.assert_array_equal(misses, expected)


# Streaming -----------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [1, 2, 4])
def test_batches(uneven_tree, level):
    contract.check_batches(LevelAccuracy(uneven_tree, level), twin(uneven_tree, level))


@pytest.mark.parametrize("level", [1, 3, 4])
def test_in_a_model(uneven_tree, level):
    contract.check_in_a_model(LevelAccuracy(uneven_tree, level), twin(uneven_tree, level))


def test_saved_model(uneven_tree, tmp_path):
    contract.check_saved_model(LevelAccuracy(uneven_tree, 3), twin(uneven_tree, 3), tmp_path)


def test_sample_weight(tree):
    metric = LevelAccuracy(tree, 1)
    metric.update_state([1, 2], np.eye(4)[[0, 0]], sample_weight=[3.0, 1.0])
    assert float(metric.result()) == 0.75


# Extreme inputs ------------------------------------------------------------------------------


def test_no_examples(tree):
    metric = LevelAccuracy(tree, 1)
    metric.update_state(np.zeros(0, "int32"), np.zeros((0, 4), "float32"))
    assert float(metric.result()) == 0.0
    assert tuple(level_accuracy(np.zeros(0, "int32"), np.zeros((0, 4)), tree, 1).shape) == (0,)


def test_equal_scores(tree):
    """The lower class index is the prediction."""
    found = level_accuracy([0, 1, 2], [[3, 3, 3, 3]] * 3, tree, 1)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), [1, 1, 0])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_more_labels_than_half_precision_holds(dtype):
    labels, _, scores = contract.half_precision_example(dtype)
    tree = trees.wide()
    for level, expected in ((-1, [1, 1, 0, 0]), (1, [1, 1, 0, 1])):
        found = level_accuracy(labels, scores, tree, level)
        np.testing.assert_array_equal(ops.convert_to_numpy(found), expected)


# Errors and contract -------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0, 3, -3, 1.0, "1", True, None])
def test_level_out_of_range(tree, level):
    message = (
        r"`level` must be an integer from 1 \(children of the root\) to 2 \(classes\), or from -1 "
        rf"\(classes\) to -2 upwards; 0 would be the root. Received: level={level!r}"
    )
    with pytest.raises(ValueError, match=message):
        LevelAccuracy(tree, level)
    with pytest.raises(ValueError, match=message):
        level_accuracy([0], [[1, 2, 3, 4]], tree, level)


def test_label_shapes(tree):
    contract.check_label_shapes(LevelAccuracy(tree, 1).update_state, 4)
    contract.check_label_shapes(lambda y, s: level_accuracy(y, s, tree, 1), 4)


@pytest.mark.parametrize("options", [{}, {"level": 3, "name": "coarse", "dtype": "float64"}])
def test_config_round_trip(uneven_tree, options):
    contract.check_round_trip(LevelAccuracy(uneven_tree, **options))


def test_names(tree):
    assert LevelAccuracy(tree, 1).name == "level_1_accuracy"
    assert LevelAccuracy(tree).name == LevelAccuracy(tree, -1).name == "level_2_accuracy"
    assert LevelAccuracy(tree, -2).get_config()["level"] == 1
    assert LevelAccuracy(tree, 1)._direction == "up"
