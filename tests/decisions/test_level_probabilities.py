import numpy as np
import pytest
from keras import ops

from keras_haframe.decisions import level_probabilities, roll_up
from tests.compiled import compiled
from tests.trees import SHAPES, probabilities


def brute(p, tree, level):
    labels = tree.level_labels()[:, -level]
    out = np.zeros((len(p), labels.max() + 1))
    for b in range(len(p)):
        for k in range(tree.num_classes):
            out[b, labels[k]] += p[b, k]
    return out


def test_worked_tree_by_hand(tree):
    p = [[0.5, 0.25, 0.25, 0.0]]
    np.testing.assert_allclose(level_probabilities(p, tree, 1), [[0.75, 0.25]])
    np.testing.assert_allclose(level_probabilities(p, tree, -1), p)
    np.testing.assert_allclose(level_probabilities(p, tree, 2), p)


@pytest.mark.parametrize("shape", SHAPES)
def test_all_levels_against_loops(shape):
    tree = SHAPES[shape]()
    p = probabilities(tree, 6)
    found = level_probabilities(p, tree)
    assert len(found) == tree.height
    for level, values in enumerate(found, start=1):
        np.testing.assert_allclose(values, brute(p, tree, level), rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(values, level_probabilities(p, tree, level))
        np.testing.assert_allclose(np.sum(ops.convert_to_numpy(values), 1), 1, rtol=1e-5)


def test_agrees_with_roll_up_where_all_classes_are_equally_deep(tree):
    p = probabilities(tree, 5)
    nodes = ops.convert_to_numpy(roll_up(p, tree))
    land, air = tree.index("land"), tree.index("air")
    np.testing.assert_allclose(level_probabilities(p, tree, 1), nodes[:, [land, air]], rtol=1e-6)


def test_compiles_and_takes_an_empty_batch_and_half_precision(uneven_tree):
    p = probabilities(uneven_tree, 4)
    found = compiled(lambda q: level_probabilities(q, uneven_tree, 2))(p)
    np.testing.assert_allclose(found, brute(p, uneven_tree, 2), rtol=1e-5)
    assert level_probabilities(p[:0], uneven_tree, 2).shape == (0, found.shape[1])
    half = ops.cast(ops.convert_to_tensor(p), "bfloat16")
    np.testing.assert_allclose(
        level_probabilities(half, uneven_tree, 2),
        brute(ops.convert_to_numpy(ops.cast(half, "float32")), uneven_tree, 2),
        rtol=1e-5,
    )


@pytest.mark.parametrize("level", [0, 3, -3, 1.0, True])
def test_refuses_levels_that_are_not_there(tree, level):
    with pytest.raises(
        ValueError, match=r"`level` must be an integer from 1 .* to 2 \(classes\), or from -1"
    ):
        level_probabilities([[1.0, 0, 0, 0]], tree, level)


def test_refuses_the_wrong_number_of_classes(tree):
    with pytest.raises(ValueError, match=r"\[batch, 4\]"):
        level_probabilities([[1.0, 0, 0]], tree, 1)
