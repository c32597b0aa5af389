import numpy as np
import pytest

from keras_haframe.plots import class_mean_cosines, plot_gram
from keras_haframe.plots.gram import group_edges
from tests.plots.conftest import symmetric


def test_classes_are_in_tree_order(uneven_tree, ax):
    cosines = symmetric(7)
    plot_gram(cosines, uneven_tree, ax=ax, colorbar=False)
    order = uneven_tree.leaf_ranges[0]
    drawn = ax.images[0].get_array()
    for i in range(7):
        for j in range(7):
            assert drawn[i, j] == cosines[order[i], order[j]]
    assert [t.get_text() for t in ax.get_yticklabels()] == [uneven_tree.leaves[i] for i in order]
    assert ax.images[0].get_clim() == (-1, 1)


def test_lines_part_the_children_of_the_root(tree, uneven_tree, ax):
    assert group_edges(tree) == [2]
    # Children of the root: a with four classes, e with one, chain with two, in some order.
    top = [uneven_tree.path(int(k))[1] for k in uneven_tree.leaf_ranges[0]]
    assert group_edges(uneven_tree) == [i for i in range(1, 7) if top[i] != top[i - 1]]
    plot_gram(symmetric(4), tree, ax=ax, colorbar=False)
    horizontal, vertical = (c.get_segments() for c in ax.collections)
    np.testing.assert_allclose(horizontal, [[[-0.5, 1.5], [3.5, 1.5]]])
    np.testing.assert_allclose(vertical, [[[1.5, -0.5], [1.5, 3.5]]])


@pytest.mark.parametrize("colorbar", [True, False])
def test_color_bar(tree, ax, colorbar):
    plot_gram(np.eye(4), tree, ax=ax, colorbar=colorbar)
    assert len(ax.figure.axes) == 1 + colorbar


def test_class_means_by_hand():
    features = [[2.0, 0.0], [0.0, 2.0], [0.0, 3.0], [-4.0, 0.0]]
    cosines = class_mean_cosines(features, [0, 0, 1, 2], 4)
    half = np.sqrt(0.5)
    expected = [[1, half, -half], [half, 1, 0], [-half, 0, 1]]
    np.testing.assert_allclose(cosines[:3, :3], expected, atol=1e-15)
    assert np.isnan(cosines[3]).all() and np.isnan(cosines[:, 3]).all()


def test_class_means_against_a_loop():
    rng = np.random.default_rng(1)
    features, labels = rng.normal(size=(50, 6)).astype("float32"), rng.integers(0, 5, 50)
    cosines = class_mean_cosines(features, labels, 5)
    for i in range(5):
        for j in range(5):
            a, b = (features[labels == k].astype("float64").mean(axis=0) for k in (i, j))
            expected = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
            assert cosines[i, j] == pytest.approx(expected, rel=1e-12)


def test_missing_classes_stay_blank(tree, ax):
    cosines = class_mean_cosines(np.eye(4)[:3], [0, 1, 2], 4)
    plot_gram(cosines, tree, ax=ax)
    assert np.isnan(np.asarray(ax.images[0].get_array())[3]).all()


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (np.zeros(3), [0, 1, 2], r"`features` must be \[n, P\]"),
        (np.zeros((3, 2)), [0, 1], "2 labels for 3 examples"),
        (np.zeros((2, 2)), [0, 4], "Labels must be from 0 to 3: .* Received label 4"),
        (np.zeros((2, 2)), [-1, 0], "Received label -1"),
    ],
)
def test_wrong_features(features, labels, message):
    with pytest.raises(ValueError, match=message):
        class_mean_cosines(features, labels, 4)


def test_wrong_cosines(tree):
    with pytest.raises(ValueError, match=r"`cosines` must have shape \[4, 4\].*\(3, 3\)"):
        plot_gram(np.eye(3), tree)
