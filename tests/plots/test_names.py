"""Names beside rows, measured by the boxes that are drawn."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib import pyplot as plt

import keras_haframe as kh
from keras_haframe import plots
from keras_haframe.data import cifar100
from keras_haframe.plots.names import spans
from keras_haframe.plots.words import width
from tests.plots.conftest import scores_of


def long_names(k: int) -> kh.ClassTree:
    """Tree of height 4 with uneven groups and names of two long words."""
    rng = np.random.default_rng(k)
    group = np.sort((rng.random(k) ** 2 * max(2, k // 5)).astype(int))
    above = [f"Regnum {g // 12}/Familia mmm {g // 3}/Genus {g}" for g in group]
    return kh.ClassTree.from_paths([f"{p}/Species wwwwww {i}" for i, p in enumerate(above)])


def draw(name: str, tree: kh.ClassTree):
    cosines = kh.frames.similarity(tree.distances(), 1.0, 0.0)
    scores, labels = scores_of(tree, 50)
    return {
        "confusion": lambda: plots.plot_confusion(labels, scores, tree, -1),
        "gram": lambda: plots.plot_gram(cosines, tree),
        "gram_beside": lambda: plots.plot_gram_beside(cosines, cosines, tree),
        "dendrogram": lambda: plots.plot_dendrogram(tree, values=np.ones(tree.num_classes)),
    }[name]()


def boxes(ax, axis: str):
    """Drawn boxes of the labels of an axis, along it, in pixels; their words."""
    labels = [
        t for t in (ax.get_xticklabels if axis == "x" else ax.get_yticklabels)() if t.get_text()
    ]
    drawn = [t.get_window_extent() for t in labels]
    ends = [(b.x0, b.x1) if axis == "x" else (b.y0, b.y1) for b in drawn]
    return sorted(ends), [t.get_text() for t in labels]


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "size",
    [None, pytest.param((2.0, 1.5), marks=SLOW), pytest.param((9.0, 7.0), marks=SLOW)],
    ids=["own", "small", "large"],
)
@pytest.mark.parametrize("k", [4, 12, 20, 29, 40, 100, 1010])
@pytest.mark.parametrize("name", ["confusion", "gram", "gram_beside", "dendrogram"])
def test_names_do_not_overlap(name, k, size):
    ax = draw(name, cifar100.class_tree() if k == 100 else long_names(k))
    if size is not None:  # as drawn, not as made
        ax.figure.set_size_inches(size)
    ax.figure.canvas.draw()
    for axis in "xy" if name in ("confusion", "gram") else "y":
        ends, words = boxes(ax, axis)
        assert words and all(low >= high for (_, high), (low, _) in pairwise(ends)), words
    assert min(t.get_fontsize() for t in ax.get_yticklabels()) >= 5


def test_every_class_is_named_where_there_is_room():
    tree = long_names(29)
    ax = draw("confusion", tree)
    ax.figure.canvas.draw()
    assert 1 < len(boxes(ax, "y")[1]) < 29
    ax.figure.set_size_inches(7, 7)
    ax.figure.canvas.draw()
    assert len(boxes(ax, "y")[1]) == len(boxes(ax, "x")[1]) == 29


def test_groups_stand_at_their_rows():
    """The 20 parents of CIFAR-100 in place of its classes, between marks."""
    tree = cifar100.class_tree()
    ax = draw("gram", tree)
    ax.figure.canvas.draw()
    parents = [tree.nodes[n] for n in dict.fromkeys(tree.paths[tree.leaf_ranges[0], -2])]
    words = boxes(ax, "y")[1]
    assert len(words) == 20
    assert all(parent.startswith(word.rstrip("…")) for parent, word in zip(parents, words))
    assert list(ax.get_yticks()) == [2 + 5 * i for i in range(20)]
    assert ax.yaxis.get_minorticklocs().tolist() == [5 * i - 0.5 for i in range(21)]


def test_ticks_can_be_taken_away():
    ax = draw("gram", cifar100.class_tree())
    ax.set(xticks=[], yticks=[])
    ax.figure.canvas.draw()
    assert not len(ax.xaxis.get_minorticklocs()) and not len(ax.yaxis.get_minorticklocs())


def test_a_flat_tree_names_some_classes():
    tree = kh.ClassTree([("root", f"c{i}") for i in range(100)])
    ax = draw("gram", tree)
    ax.figure.canvas.draw()
    _, words = boxes(ax, "y")
    places = ax.get_yticks()
    assert words == [f"c{int(p)}" for p in places] and len(words) > 10
    assert list(ax.yaxis.get_minorticklocs()) == list(places)


def test_spans_by_hand():
    paths = np.array([[9, 5, 0], [9, 5, 1], [9, 5, 2], [9, 6, 3]])
    assert [s.node for s in spans(paths, 1)] == [0, 1, 2, 3]
    assert spans(paths, 2) == spans(paths, 3) == [(0, 3, 5)]  # 6 is too small
    assert spans(paths, 4) == [(0, 1, 0)]  # nothing fits: every fourth row


def test_captions_end_with_their_images():
    images = np.zeros((4, 16, 16, 3), np.uint8)
    words = "Aaaaaaaaaa bbbbbbbbbbbbbb\nas Mmmmmmmmmmmmm nnnnnnnnnnnnn"
    ax = plots.plot_images(images, [words] * 4, columns=4)
    for size in (None, (1.5, 1.0)):
        if size:
            ax.figure.set_size_inches(size)
        ax.figure.canvas.draw()
        ends = [(b.x0, b.x1) for b in (t.get_window_extent() for t in ax.texts)]
        assert all(low >= high for (_, high), (low, _) in pairwise(ends))
        assert all(t.get_text().count("…") == 2 for t in ax.texts)


def test_branches_hold_their_names():
    tree = long_names(29)
    ax = plots.plot_dendrogram(tree)
    ax.figure.canvas.draw()
    for text in (t for t in ax.texts if t.get_text()):
        x, _ = text.get_position()
        half = (text.get_window_extent().x1 - text.get_window_extent().x0) / 2
        unit = abs(np.diff(ax.transData.transform([(0, 0), (1, 0)])[:, 0])[0])
        assert half <= unit * (0.5 + abs(x % 1 - 0.5)) and text.get_text()


def test_changes_over_narrow_bars():
    tree = long_names(29)
    scores, labels = scores_of(tree, 400)
    models = {str(i): np.roll(scores, i, axis=0) for i in range(3)}
    ax = plots.plot_mistakes_by_height(labels, models, tree)
    ax.figure.canvas.draw()
    shown = [t for t in ax.texts if t.get_text()]
    assert shown
    bar = ax.patches[0].get_window_extent().width * 72 / ax.figure.dpi
    assert all(width(t.get_text(), 5) <= 1.2 * bar for t in shown)


def test_names_with_dollars_are_words(ax):
    plots.plot_gram(np.eye(2), kh.ClassTree([("root", "a$b$"), ("root", "$x^$")]), ax=ax)
    ax.figure.canvas.draw()
    assert [t.get_text() for t in ax.get_yticklabels()] == [r"a\$b\$", r"\$x^\$"]
    plt.close("all")
