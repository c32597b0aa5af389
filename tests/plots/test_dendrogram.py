import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.plots import plot_dendrogram
from tests.trees import random_tree


def meeting_height(ax, tree, a, b):
    """Height at which the lines of two classes first share a point, going up from child to parent.

    Every line leads from a node (at its height) to the height of its parent, then to its place.
    """
    steps = {}
    for line in ax.lines:
        x, y = line.get_xdata(), line.get_ydata()
        steps[(float(x[0]), float(y[0]))] = (float(x[2]), float(y[2]))
    place = {int(k): i for i, k in enumerate(tree.leaf_ranges[0])}
    ways = []
    for k in (a, b):
        point, way = (0.0, float(place[k])), []
        while point in steps:
            point = steps[point]
            way.append(point)
        ways.append(way)
    return next(p for p in ways[0] if p in set(ways[1]))[0]


def test_worked_tree(tree, ax):
    plot_dendrogram(tree, ax=ax)
    assert len(ax.lines) == tree.num_nodes - 1
    assert [t.get_text() for t in ax.get_yticklabels()] == ["car", "truck", "jet", "glider"]
    assert [t.get_text() for t in ax.texts] == ["air", "land"] or [
        t.get_text() for t in ax.texts
    ] == ["land", "air"]
    left, right = ax.get_xlim()
    assert left > right  # the root is at the left
    assert len({line.get_color() for line in ax.lines}) == 2


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("convention", ["depth", "subtree"])
def test_classes_meet_at_their_distance(seed, convention, ax):
    tree = random_tree(np.random.default_rng(seed), 8)
    plot_dendrogram(tree, convention=convention, ax=ax)
    distances = tree.distances(convention)
    for a in range(8):
        for b in range(a):
            assert meeting_height(ax, tree, a, b) == distances[a, b]


def test_lines_do_not_cross(ax):
    tree = random_tree(np.random.default_rng(4), 20)
    plot_dendrogram(tree, ax=ax)
    order, start, stop = tree.leaf_ranges
    for line, node in zip(ax.lines, range(tree.num_nodes - 1)):
        assert start[node] <= line.get_ydata()[0] <= stop[node] - 1
    assert sorted(order) == list(range(20))


def test_values_stand_behind_the_names(tree, ax):
    plot_dendrogram(tree, values=np.array([0.5, 0.25, 1.0, 0.125]), ax=ax)
    assert [t.get_text() for t in ax.get_yticklabels()] == [
        "car 0.5", "truck 0.25", "jet 1", "glider 0.12",
    ]  # fmt: skip


def test_groups_of_many_classes_are_named(ax):
    tree = random_tree(np.random.default_rng(0), 80)
    plot_dendrogram(tree, ax=ax)
    assert 1 < len(ax.get_yticks()) < 80 and ax.get_ylabel() == "80 classes"
    assert not ax.texts


def test_more_groups_than_colors(ax):
    plot_dendrogram(kh.ClassTree([("root", f"c{i}") for i in range(9)]), ax=ax)
    assert len({line.get_color() for line in ax.lines}) == 1


def test_names_of_nodes_are_short(ax):
    tree = kh.ClassTree.from_paths(["a/x/1", "a/x/2", "b/x/3", "b/x/4"])
    plot_dendrogram(tree, ax=ax)
    assert all("/" not in t.get_text() for t in ax.texts)


@pytest.mark.parametrize("values", [[1.0, 2.0], np.zeros((4, 1)), 3.0])
def test_wrong_values(tree, values):
    with pytest.raises(ValueError, match=r"`values` must be one number per class, shape \[4\]"):
        plot_dendrogram(tree, values=values)


def test_wrong_convention(tree):
    with pytest.raises(ValueError, match="`convention` must be one of"):
        plot_dendrogram(tree, convention="up")
