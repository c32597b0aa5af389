"""`ClassTree`: numbering of nodes, look-ups, configuration, equality."""

import collections
import copy
import json

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.tree import as_tree
from tests.golden import FOLDER, golden_cases
from tests.trees import random_tree

EDGES = [
    ("vehicle", "land"), ("vehicle", "air"), ("land", "car"), ("land", "truck"), ("air", "jet"),
    ("air", "glider"),
]  # fmt: skip


def test_worked_tree(tree):
    assert tree.name == "vehicles"
    assert tree.leaves == ["car", "truck", "jet", "glider"]
    assert tree.nodes == ["car", "truck", "jet", "glider", "land", "air", "vehicle"]
    assert tree.root == "vehicle"
    assert (tree.num_classes, tree.num_nodes, tree.height) == (4, 7, 2)
    assert tree.parents.tolist() == [4, 4, 5, 5, 6, 6, -1]
    assert tree.depths.tolist() == [2, 2, 2, 2, 1, 1, 0]
    assert tree.parents.dtype == tree.depths.dtype == np.int64


def test_labels_follow_leaves_not_the_edges():
    tree = kh.ClassTree(EDGES, ["glider", "car", "jet", "truck"])
    assert tree.nodes[:4] == ["glider", "car", "jet", "truck"]
    assert [tree.index(n) for n in ("glider", "car", "jet", "truck")] == [0, 1, 2, 3]


def test_without_leaves_classes_come_in_the_order_of_the_edges():
    tree = kh.ClassTree([("r", "b"), ("g", "z"), ("g", "a"), ("r", "g")])
    assert tree.leaves == ["b", "z", "a"]


@pytest.mark.parametrize("seed", range(10))
def test_numbering_of_random_trees(seed):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, int(rng.integers(2, 40)))
    k = tree.num_classes
    assert tree.nodes[:k] == tree.leaves and tree.nodes[-1] == tree.root
    assert (tree.parents[:-1] > np.arange(tree.num_nodes - 1)).all()
    assert (tree.parents[:-1] >= k).all() and tree.parents[-1] == -1
    assert (np.diff(tree.depths[k:]) <= 0).all()
    edges = {(tree.nodes[p], tree.nodes[i]) for i, p in enumerate(tree.parents[:-1])}
    assert edges == {tuple(e) for e in tree.get_config()["edges"]}
    assert tree.height == tree.depths[:k].max()


@pytest.mark.parametrize(
    "edges",
    [EDGES, [list(e) for e in EDGES], np.array(EDGES), tuple(EDGES), iter(EDGES), EDGES + EDGES],
    ids=["tuples", "lists", "array", "tuple", "iterator", "repeated"],
)
def test_forms_of_edges(edges, tree):
    assert kh.ClassTree(edges) == tree


def test_names_are_plain_strings():
    tree = kh.ClassTree(np.array(EDGES), np.array(["car", "truck", "jet", "glider"]))
    assert {type(n) for n in tree.nodes} == {str}


def test_names_may_be_any_text():
    names = ["Übergröße", "戦車", "747/400", "a b", "🛩"]
    tree = kh.ClassTree([("корень", n) for n in names])
    assert tree.leaves == names and tree.root == "корень"


def test_index_and_path(uneven_tree):
    assert uneven_tree.index("c0") == 1
    assert uneven_tree.index("root") == uneven_tree.num_nodes - 1
    assert uneven_tree.path("c0") == ["root", "a", "b", "c", "c0"]
    assert uneven_tree.path(1) == uneven_tree.path("c0")
    assert uneven_tree.path(np.int64(2)) == ["root", "e"]
    assert uneven_tree.path("link") == ["root", "chain", "link"]
    assert uneven_tree.path(uneven_tree.num_nodes - 1) == ["root"]


def test_unknown_node_suggests_the_nearest(tree):
    with pytest.raises(ValueError, match=r"'glidr' is not a node.*mean 'glider'"):
        tree.index("glidr")
    with pytest.raises(ValueError, match="'submarine' is not a node of this tree"):
        tree.path("submarine")
    with pytest.raises(ValueError, match="3 is not a node of this tree"):
        tree.index(3)


@pytest.mark.parametrize("node", [-1, 7, 1000])
def test_node_number_out_of_range(tree, node):
    with pytest.raises(ValueError, match=f"from 0 to 6. Received: {node}"):
        tree.path(node)


def test_config_round_trip(uneven_tree):
    config = uneven_tree.get_config()
    assert set(config) == {"edges", "leaves", "name"}
    again = kh.ClassTree.from_config(config)
    assert again == uneven_tree and again.name == "uneven"
    np.testing.assert_array_equal(again.distances(), uneven_tree.distances())


def test_config_is_a_copy(tree):
    config = tree.get_config()
    config["leaves"].clear()
    config["edges"][0][0] = "sea"
    assert tree.leaves[0] == "car" and tree.get_config()["edges"][0][0] != "sea"


def test_equality_and_hash(tree, uneven_tree):
    same = kh.ClassTree(EDGES, name="another name")
    assert same == tree and hash(same) == hash(tree)
    assert tree != uneven_tree and tree != "vehicles"
    swapped = kh.ClassTree(EDGES, ["truck", "car", "jet", "glider"])
    assert swapped != tree  # other labels
    moved = [e for e in EDGES if e != ("air", "jet")] + [("land", "jet")]
    assert kh.ClassTree(moved, tree.leaves) != tree  # same names, another parent
    assert len({tree, same, swapped}) == 2


def test_as_tree(tree):
    assert as_tree(tree) is tree
    assert as_tree(tree.get_config()) == tree
    for wrong in (None, "vehicles", {"land": ["car"]}, np.zeros((2, 2))):
        with pytest.raises(ValueError, match=r"must be a keras_haframe.ClassTree.*Received: "):
            as_tree(wrong)


def test_name_must_be_a_string():
    with pytest.raises(ValueError, match=r"`name` must be a string or None. Received: name=3"):
        kh.ClassTree(EDGES, name=3)


def test_smallest_tree():
    tree = kh.ClassTree([("r", "a"), ("r", "b")])
    assert (tree.num_classes, tree.num_nodes, tree.height) == (2, 3, 1)
    assert tree.distances().tolist() == [[0, 1], [1, 0]]


def test_deep_copy_is_equal_and_apart(uneven_tree):
    assert uneven_tree.leaf_ranges is not None  # with a cached array in it
    copied = copy.deepcopy(uneven_tree)
    assert copied == uneven_tree
    copied.parents[0] = 0
    assert copied != uneven_tree


@golden_cases("hierarchies/{name}.json")
def test_benchmark_trees(benchmark_tree, name):
    tree = benchmark_tree(name)
    facts = json.loads((FOLDER / f"hierarchies/{name}.json").read_text())
    assert (tree.name, tree.root) == (name, facts["root"])
    assert tree.num_classes == facts["num_leaves"] and tree.leaves == facts["leaves"]
    assert tree.height == facts["height"] == tree.distances().max()
    levels = [len(np.unique(column)) for column in tree.level_labels().T]
    assert levels == facts["nodes_per_level"][: tree.height]  # some name the root too
    children = np.bincount(tree.parents[:-1], minlength=tree.num_nodes)
    counted = collections.Counter(parent for parent, _ in facts["edges"])
    assert sorted(children[children > 0]) == sorted(counted.values())
