"""Level maps against paths walked by name."""

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.tree.level_maps import LevelMaps
from tests.brute_force import level_names
from tests.golden import golden_cases
from tests.trees import TREES


def test_worked_tree(tree):
    maps = LevelMaps(tree)
    assert maps.sizes == [2, 4] and len(maps) == 2
    assert maps.labels.tolist() == [[0, 0], [0, 1], [1, 2], [1, 3]]
    assert [parents.tolist() for parents in maps.parents] == [[0, 0, 1, 1]]
    assert maps.names == ["logits_1", "logits"]


def test_uneven_tree(uneven_tree):
    # classes l1 c0 e a0 l0 b0 c1; e stands for itself on every level
    maps = LevelMaps(uneven_tree)
    assert maps.sizes == [3, 4, 6, 7]
    assert maps.labels[:, 0].tolist() == [0, 1, 2, 1, 0, 1, 1]  # chain, a, e
    assert maps.parents[0].tolist() == [0, 1, 2, 1]  # link, b, e, a0
    assert maps.labels[:, -1].tolist() == list(range(7))


@pytest.mark.parametrize("kind", TREES)
def test_labels_and_parents_follow_the_paths(kind):
    tree = TREES[kind]()
    maps = LevelMaps(tree)
    assert len(maps) == tree.height == len(maps.names)
    assert maps.names[-1] == "logits"
    for level in range(1, tree.height + 1):
        names = level_names(tree, level)
        order = list(dict.fromkeys(names))
        assert maps.sizes[level - 1] == len(order)
        assert maps.labels[:, level - 1].tolist() == [order.index(n) for n in names]
        if level > 1:
            above = level_names(tree, level - 1)
            upper = list(dict.fromkeys(above))
            want = [upper.index(above[names.index(n)]) for n in order]
            assert maps.parents[level - 2].tolist() == want


def test_flat_tree():
    maps = LevelMaps(kh.ClassTree([("root", "a"), ("root", "b")]))
    assert maps.sizes == [2] and maps.parents == [] and maps.names == ["logits"]


@golden_cases("hierarchies/{name}_lca_heights.npz")
def test_benchmark_trees_have_the_papers_children(name, benchmark_tree, golden):
    tree = benchmark_tree(name)
    ids = golden(f"hierarchies/{name}_lca_heights.npz")["level_ids"][:, : tree.height][:, ::-1]
    maps = LevelMaps(tree)
    for level in range(tree.height):
        pairs = set(zip(maps.labels[:, level].tolist(), ids[:, level].tolist()))
        assert len(pairs) == maps.sizes[level] == len(np.unique(ids[:, level]))
