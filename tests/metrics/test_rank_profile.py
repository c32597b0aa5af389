import numpy as np
import pytest

from keras_haframe.metrics.rank_profile import best_and_worst, rank_profile
from tests import brute_force
from tests.golden import golden_cases
from tests.trees import SHAPES


@pytest.mark.parametrize("convention", ["depth", "subtree"])
@pytest.mark.parametrize("shape", SHAPES)
def test_counts_classes_by_distance(shape, convention):
    tree = SHAPES[shape]()
    distances = brute_force.distances(tree, convention)
    heights, within = rank_profile(tree, convention)
    for k in range(tree.num_classes):
        for h, n in zip(heights[k], within[k]):
            # A single-child ancestor is higher than its child but holds no further class.
            assert (distances[k] <= h).sum() == n


@pytest.mark.parametrize("convention", ["depth", "subtree"])
@pytest.mark.parametrize("shape", SHAPES)
def test_sums_over_the_sorted_rows(shape, convention):
    tree = SHAPES[shape]()
    rows = np.sort(brute_force.distances(tree, convention), axis=1)
    heights, within = rank_profile(tree, convention)
    weight = np.random.default_rng(0).uniform(size=tree.num_classes)
    nearest, farthest = best_and_worst(heights, within, weight)
    np.testing.assert_allclose(nearest, rows @ weight, rtol=1e-10)
    np.testing.assert_allclose(farthest, rows[:, ::-1] @ weight, rtol=1e-10)


@golden_cases("hierarchies/{name}.json")
def test_the_table_is_classes_by_levels_not_classes_by_classes(benchmark_tree, name):
    tree = benchmark_tree(name)
    heights, within = rank_profile(tree)
    assert heights.shape == within.shape == (tree.num_classes, tree.height + 1)
    assert (within[:, 0] == tree.num_classes).all() and (within[:, -1] == 1).all()


def test_worked_tree_by_hand(tree):
    heights, within = rank_profile(tree)
    assert heights.tolist() == [[2, 1, 0]] * 4
    assert within.tolist() == [[4, 2, 1]] * 4
    nearest, farthest = best_and_worst(heights, within, np.array([1.0, 1, 0, 0]))
    assert nearest.tolist() == [1] * 4 and farthest.tolist() == [4] * 4
