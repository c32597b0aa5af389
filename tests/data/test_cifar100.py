"""The CIFAR-100 tree against the published distances and the data set's own superclasses."""

import numpy as np
import pytest

from keras_haframe.data import cifar100


@pytest.fixture(scope="module")
def tree():
    return cifar100.class_tree()


def test_nodes_per_level_are_those_of_the_papers(tree):
    levels = tree.level_labels()
    assert [len(np.unique(levels[:, i])) for i in range(levels.shape[1])] == [100, 20, 8, 4, 2]


def test_every_class_lies_at_depth_five(tree):
    assert all(len(tree.path(k)) == 6 for k in range(100))


def test_classes_are_in_label_order(tree):
    assert list(tree.leaves) == sorted(tree.leaves)
    assert tree.leaves[0] == "apple" and tree.leaves[99] == "worm" and tree.leaves[71] == "sea"


def test_superclasses_have_five_classes_each():
    assert all(len(classes.split()) == 5 for classes in cifar100.SUPERCLASSES.values())


def test_distances_equal_the_published_ones(tree, benchmark_tree):
    published = benchmark_tree("cifar100")
    np.testing.assert_array_equal(tree.distances(), published.distances())


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ("boy", "girl", 1),
        ("boy", "wolf", 2),
        ("boy", "bee", 3),
        ("boy", "rose", 4),
        ("boy", "bus", 5),
    ],
)
def test_distances_by_hand(tree, first, second, distance):
    assert tree.distances()[tree.index(first), tree.index(second)] == distance
