import numpy as np
import pytest

from keras_haframe.plots import plot_worst_mistakes, worst_mistakes
from tests.plots.conftest import scores_of
from tests.trees import random_tree


def test_order_by_hand(tree):
    scores = [[0, 1, 0, 0], [0, 0, 9, 0], [0, 0, 2, 0], [5, 0, 0, 0]]
    assert worst_mistakes([0, 0, 1, 0], scores, tree).tolist() == [1, 2, 0]
    assert worst_mistakes([0, 0, 1, 0], scores, tree, count=2).tolist() == [1, 2]


@pytest.mark.parametrize("seed", [0, 1])
def test_order_against_a_sort(seed):
    tree = random_tree(np.random.default_rng(seed), 9)
    scores, labels = scores_of(tree, 60, seed)
    distances = tree.distances()
    rows = []
    for i, (s, y) in enumerate(zip(scores, labels)):
        best = int(np.argmax(s))
        if best != y:
            rows.append((-int(distances[y, best]), -(s[best] - s[y]), i))
    assert worst_mistakes(labels, scores, tree, count=1000).tolist() == [
        i for *_, i in sorted(rows)
    ]


def test_no_mistake(tree):
    scores, labels = np.eye(4), np.arange(4)
    assert worst_mistakes(labels, scores, tree).shape == (0,)
    with pytest.raises(ValueError, match="no mistake to show"):
        plot_worst_mistakes(np.zeros((4, 8, 8, 3)), labels, scores, tree)


def test_sheet_shows_the_images_and_what_they_are(tree, ax):
    images = np.zeros((3, 4, 4, 3), np.uint8)
    images[1] = 200
    scores = np.array([[1, 0, 0, 0], [0, 0, 9, 0], [0, 1, 0, 0.0]])
    plot_worst_mistakes(images, [0, 0, 0], scores, tree, columns=2, ax=ax)
    sheet = np.asarray(ax.images[0].get_array())
    assert (sheet[:4, :4] == 200).all() and (sheet[:4, 6:10] == 0).all()
    assert [t.get_text() for t in ax.texts] == [
        "car\nas jet\nLCA height 2",
        "car\nas truck\nLCA height 1",
    ]


@pytest.mark.parametrize("count", [0, -1, 1.5, True])
def test_wrong_count(tree, count):
    with pytest.raises(ValueError, match="`count` must be a positive integer"):
        worst_mistakes(np.arange(4), np.eye(4), tree, count=count)


def test_wrong_shapes(tree):
    with pytest.raises(ValueError, match=r"Scores must have shape \[2, 4\].*\(2, 3\)"):
        worst_mistakes([0, 1], np.zeros((2, 3)), tree)
    with pytest.raises(ValueError, match=r"`images` must be \[2, H, W, 3\], one per label"):
        plot_worst_mistakes(np.zeros((3, 8, 8, 3)), [0, 1], np.zeros((2, 4)), tree)
