import numpy as np
import pytest

from keras_haframe import frames
from keras_haframe.plots import plot_similarity
from keras_haframe.tree import ClassTree
from tests.trees import random_tree


def points(ax):
    """`(heights, cosines)` of every set of markers."""
    return [line.get_data() for line in ax.lines if line.get_marker() not in ("None", "")]


@pytest.mark.parametrize("method", ["exact", "grid"])
def test_points_are_the_target_cosines(method, ax):
    tree = random_tree(np.random.default_rng(1), 12)
    gammas = (0.5, 2.0, 5.0)
    plot_similarity(tree, gammas, min_similarity=method, ax=ax)
    distances = tree.distances()
    drawn = points(ax)
    assert len(drawn) == len(gammas)
    for gamma, (heights, cosines) in zip(gammas, drawn):
        s_min = frames.min_similarity(tree, gamma, method)
        target = frames.similarity(distances, gamma, s_min)
        for h, c in zip(heights, cosines):
            np.testing.assert_allclose(target[distances == h], c, atol=1e-12)
        assert set(heights) == set(np.unique(distances))


def test_minimum_is_marked(tree, ax):
    plot_similarity(tree, (1.0, 3.0), ax=ax)
    marks = [line for line in ax.lines if len(line.get_xdata()) == 2 and not line.get_clip_on()]
    expected = [frames.min_similarity(tree, g, "grid") for g in (1.0, 3.0)]
    np.testing.assert_allclose([m.get_ydata()[0] for m in marks], expected)
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert all(f"{s:.3f}" in label for s, label in zip(expected, labels))
    (note,) = ax.texts
    assert note.get_text() == "$s_{min}$" and note.get_position()[1] == min(expected)


def test_linear_mapping(tree, ax):
    plot_similarity(tree, (1.0,), linear=True, ax=ax)
    _, (heights, cosines) = points(ax)
    s_min = frames.min_similarity(tree, 1.0, "grid", mapping="linear")
    np.testing.assert_allclose(cosines, (1 - s_min) * (1 - heights / 2) + s_min)


def test_one_gamma_may_be_a_number(tree, ax):
    plot_similarity(tree, 2.0, ax=ax)
    assert len(points(ax)) == 1


@pytest.mark.parametrize("gamma", [0.0, -1.0, np.inf, np.nan])
def test_wrong_gamma(tree, gamma):
    with pytest.raises(ValueError, match="`gamma` must be positive and finite"):
        plot_similarity(tree, (1.0, gamma))


@pytest.mark.parametrize("gammas", [(), range(1, 9)])
def test_wrong_number_of_gammas(tree, gammas):
    with pytest.raises(ValueError, match="`gammas` must name 1 to 7 items"):
        plot_similarity(tree, list(gammas))


def test_wrong_method(tree):
    with pytest.raises(ValueError, match="`method` must be 'exact' or 'grid'"):
        plot_similarity(tree, min_similarity="best")


def test_convention(ax):
    """Two siblings at depth 2 of 3: their LCA has height 2 by depth, 1 as a subtree."""
    edges = [("r", "a"), ("a", "x"), ("a", "y"), ("r", "b"), ("b", "c"), ("c", "z")]
    tree = ClassTree(edges, ["x", "y", "z"])
    plot_similarity(tree, (1.0,), convention="subtree", ax=ax)
    ((heights, cosines),) = points(ax)
    np.testing.assert_array_equal(heights, [0, 1, 3])
    expected = frames.TargetCosines(tree, 1.0, convention="subtree").matrix()[0]
    np.testing.assert_allclose(cosines, expected)
