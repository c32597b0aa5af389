import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.data import cifar100
from keras_haframe.plots import level_confusion, plot_confusion
from tests.plots.conftest import scores_of


def test_counts_by_hand(tree):
    labels, predicted = [0, 0, 1, 2, 3], [0, 1, 2, 2, 0]
    counts, names = level_confusion(labels, predicted, tree, 1)
    assert names == ["land", "air"]
    assert counts.tolist() == [[2, 1], [1, 1]]
    counts, names = level_confusion(labels, predicted, tree, -1)
    assert names == tree.leaves
    assert counts.tolist() == [[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [1, 0, 0, 0]]


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_counts_against_a_loop(uneven_tree, level):
    scores, labels = scores_of(uneven_tree, 200)
    predicted = scores.argmax(axis=1)
    counts, names = level_confusion(labels, scores, uneven_tree, level)

    def node(k):
        path = uneven_tree.path(int(k))
        return path[min(level, len(path) - 1)]

    assert len(set(names)) == len(names) == len({node(k) for k in range(7)})
    expected = np.zeros_like(counts)
    for y, p in zip(labels, predicted):
        expected[names.index(node(y)), names.index(node(p))] += 1
    np.testing.assert_array_equal(counts, expected)
    # Tree order: classes below a node are neighbours.
    order = [names.index(node(k)) for k in uneven_tree.leaf_ranges[0]]
    assert order == sorted(order)


def test_rows_sum_to_a_hundred_and_missing_labels_stay_blank(tree, ax):
    plot_confusion([0, 0, 2], [0, 2, 2], tree, level=-1, ax=ax, colorbar=False)
    drawn = np.ma.filled(ax.images[0].get_array(), np.nan)
    np.testing.assert_allclose(drawn[0], [50, 0, 50, 0])
    np.testing.assert_allclose(drawn[2], [0, 0, 100, 0])
    assert np.isnan(drawn[[1, 3]]).all()


def test_numbers_are_written_in_small_tables_only(tree, ax):
    plot_confusion([0, 0, 2], [0, 2, 2], tree, level=1, ax=ax)
    assert [t.get_text() for t in ax.texts] == ["50", "50", "100"]
    large = cifar100.class_tree()
    labels = np.arange(100)
    other = plot_confusion(labels, labels, large, level=-1)
    assert not other.texts


def test_no_confusion_falls_between_the_pixels():
    """Of 1,010 classes, one square for six: it shows the largest share."""
    tree = kh.ClassTree.from_paths([f"{i // 10}/{i}" for i in range(1010)])
    labels = np.arange(1010)
    ax = plot_confusion(labels, np.where(labels == 7, 900, labels), tree, -1)
    drawn = np.asarray(ax.images[0].get_array())
    assert drawn.shape == (169, 169) and (np.diag(drawn) == 100).all()
    assert drawn[7 // 6, 900 // 6] == 100 and (drawn > 0).sum() == 170
    assert ax.get_xlim() == (-0.5, 1009.5)


def test_shares_that_round_to_nothing_are_not_written(tree, ax):
    labels = np.zeros(1000, int)
    predicted = labels.copy()
    predicted[:4] = 2
    plot_confusion(labels, predicted, tree, ax=ax)
    assert [t.get_text() for t in ax.texts] == ["100"]


def test_lines_between_the_children_of_the_root(tree, ax):
    plot_confusion([0], [0], tree, level=2, ax=ax, colorbar=False)
    assert [line.get_ydata()[0] for line in ax.lines[::2]] == [1.5]
    assert [line.get_xdata()[0] for line in ax.lines[1::2]] == [1.5]
    top = plot_confusion([0], [0], tree, level=1)
    assert not top.lines  # they are the children of the root


@pytest.mark.parametrize("level", [-3, 0, 3])
def test_level_out_of_range(tree, level):
    with pytest.raises(ValueError, match=rf"integer from 1 .* Received: level={level}"):
        plot_confusion([0], [0], tree, level)


@pytest.mark.parametrize("level", [1.0, "1", True, None])
def test_level_is_an_integer(tree, level):
    with pytest.raises(ValueError, match="`level` must be an integer"):
        level_confusion([0], [0], tree, level)


def test_numpy_levels_are_integers(tree):
    assert level_confusion([0], [0], tree, np.int64(1))[1] == ["land", "air"]


def test_wrong_predictions(tree):
    with pytest.raises(ValueError, match="examples in `predictions`"):
        plot_confusion([0], [0, 1], tree)
    with pytest.raises(ValueError, match="from 0 to 3.*in `predictions`"):
        plot_confusion([0], [7], tree)
