"""Names of nodes that are path prefixes: every node gets one, no two share one."""

import itertools

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.tree.prefixes import shown_names, tree_of_prefixes


def shown(paths, root="root"):
    nodes = dict.fromkeys(p[:i] for p in paths for i in range(1, len(p) + 1))
    return shown_names(nodes, set(paths), root)


def test_last_parts_where_unambiguous():
    names = shown([("a", "x"), ("b", "y")])
    assert names == {(): "root", ("a",): "a", ("b",): "b", ("a", "x"): "x", ("b", "y"): "y"}


def test_classes_choose_before_groups():
    names = shown([("m", "747", "747"), ("m", "747", "x")])
    assert names["m", "747", "747"] == "747" and names["m", "747"] == "m/747"


def test_group_below_the_root_named_like_a_class():
    names = shown([("jet", "a"), ("air", "jet")])
    assert names["air", "jet"] == "jet" and names["jet",] == "root/jet"


def test_node_named_like_the_root():
    names = shown([("root", "a"), ("x", "root")])
    assert names["root",] == "root/root" and names["x", "root"] == "x/root"


def test_part_with_a_slash():
    names = shown([("a", "b/c"), ("a/b", "c"), ("a", "c")])
    assert len(set(names.values())) == len(names)


def test_paths_that_read_the_same_are_numbered():
    names = shown([("a", "b/c"), ("a/b", "c"), ("x", "b/c"), ("x", "c"), ("root", "a/b", "c")])
    assert len(set(names.values())) == len(names)
    names = shown([("root", "root"), ("root/root", "x"), ("y", "root")])
    assert len(set(names.values())) == len(names)
    assert names["root",] == "root/root (2)"


@pytest.mark.parametrize("seed", range(20))
def test_names_are_always_unique_and_distances_those_of_the_paths(seed):
    """Few names, so that most occur in several places."""
    rng = np.random.default_rng(seed)
    alphabet = ["root", "a", "b"]
    every = [p for n in (1, 2, 3) for p in itertools.product(alphabet, repeat=n)]
    paths = []
    for i in rng.permutation(len(every)):
        p = every[i]
        apart = all(p[: len(q)] != q and q[: len(p)] != p for q in paths)
        if apart and len(paths) < 8:
            paths.append(p)
    made = tree_of_prefixes(kh.ClassTree, paths, "root", None)
    assert len(set(made.nodes)) == made.num_nodes
    common = all(len(p) > 1 and p[0] == paths[0][0] for p in paths)
    prefixes = {p[:i] for p in paths for i in range(common, len(p) + 1)}
    assert made.num_nodes == len(prefixes)
    height = max(map(len, paths))
    for i, j in itertools.permutations(range(len(paths)), 2):
        pairs = zip(paths[i], paths[j])
        shared = sum(1 for _ in itertools.takewhile(lambda ab: ab[0] == ab[1], pairs))
        assert made.distances()[i, j] == height - shared
