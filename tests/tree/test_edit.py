"""New trees from old ones, and what differs between two."""

import itertools
import time

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.tree.diff import TreeDiff
from tests.trees import SHAPES, TREES, ancestors

ALL = {**TREES, **SHAPES}


@pytest.fixture(params=sorted(ALL))
def any_tree(request):
    return ALL[request.param]()


def names_above(tree, name):
    return [tree.nodes[n] for n in ancestors(tree, tree.index(name))]


# Chains ------------------------------------------------------------------------------------------


def test_prune_chains_keeps_who_is_related(any_tree):
    pruned = any_tree.prune_chains()
    assert pruned.leaves == any_tree.leaves and pruned.name == any_tree.name
    children = np.bincount(pruned.parents[:-1], minlength=pruned.num_nodes)
    assert (children != 1).all()
    old = np.bincount(any_tree.parents[:-1], minlength=any_tree.num_nodes)
    for leaf in pruned.leaves:
        kept = [n for n in names_above(any_tree, leaf) if old[any_tree.index(n)] != 1]
        assert names_above(pruned, leaf) == kept
    assert pruned.prune_chains() == pruned


def test_prune_a_chain_above_a_class_and_above_the_root():
    edges = [("top", "r"), ("r", "x"), ("r", "a"), ("a", "b"), ("b", "y")]
    pruned = kh.ClassTree(edges).prune_chains()
    assert pruned.root == "r" and pruned.path("y") == ["r", "y"]


# Parts -------------------------------------------------------------------------------------------


def test_subtree(any_tree):
    for node in any_tree.nodes[any_tree.num_classes :]:
        inside = [n for n in any_tree.leaves if node in names_above(any_tree, n)]
        if len(inside) < 2:
            with pytest.raises(ValueError, match="at least two classes. Left are"):
                any_tree.subtree(node)
            continue
        part = any_tree.subtree(node)
        assert part.leaves == inside and part.root == node
        for n in inside:
            above = names_above(any_tree, n)
            assert names_above(part, n) == above[: above.index(node) + 1]
    assert any_tree.subtree(any_tree.root) == any_tree


def test_keep(any_tree):
    chosen = any_tree.leaves[::2] if any_tree.num_classes > 2 else any_tree.leaves
    part = any_tree.keep(set(chosen))
    assert part.leaves == chosen and part.root == any_tree.root
    for n in chosen:
        assert names_above(part, n) == names_above(any_tree, n)
    assert any_tree.keep([any_tree.root]) == any_tree


def test_keep_by_groups(uneven_tree):
    assert uneven_tree.keep(["b", "l0"]).leaves == ["c0", "l0", "b0", "c1"]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda t: t.subtree("jett"), "'jett' is not a node of this tree. Did you mean 'jet'"),
        (lambda t: t.subtree("jet"), r"at least two classes. Left are: \['jet'\]"),
        (lambda t: t.keep(["car", "jett"]), "Did you mean 'jet'"),
        (lambda t: t.keep(["car"]), r"at least two classes. Left are: \['car'\]"),
        (lambda t: t.keep([]), r"Left are: \[\]"),
        (lambda t: t.keep("car"), "`nodes` must be a list of names. Received: 'car'"),
        (lambda t: t.reorder("car"), "`class_names` must be a list of names"),
        (lambda t: t.reorder(["car", "jet", "glider"]), "Missing: 'truck'.$"),
        (
            lambda t: t.reorder(["car", "jet", "glider", "Truck", "x"]),
            r"Missing: 'truck'. Not classes of the tree: 'Truck' \(near 'truck'\), 'x'.$",
        ),
        (lambda t: t.reorder([*t.leaves, "car"]), "Repeated: 'car'.$"),
        (lambda t: t.reorder([*t.leaves, 3]), r"Received: class_names\[4\]=3"),
        (lambda t: t.reorder([*t.leaves, *"abcdefgh"]), "'e' and 3 more.$"),
        (lambda t: t.merge({"a": "b"}), "`other` must be a ClassTree. Received: dict"),
        (lambda t: t.diff(None), "`other` must be a ClassTree. Received: NoneType"),
    ],
)
def test_refused(tree, call, match):
    with pytest.raises(ValueError, match=match):
        call(tree)


# Label order -------------------------------------------------------------------------------------


def test_reorder(any_tree):
    names = sorted(any_tree.leaves, reverse=True)
    made = any_tree.reorder(names)
    assert made.leaves == names and made.nodes[len(names) :] == any_tree.nodes[len(names) :]
    place = [any_tree.index(n) for n in names]
    np.testing.assert_array_equal(made.distances(), any_tree.distances()[np.ix_(place, place)])
    assert made.reorder(any_tree.leaves) == any_tree


# Unions ------------------------------------------------------------------------------------------


def test_merge_of_parts_is_the_whole(uneven_tree):
    made = uneven_tree.keep(["c0", "e"]).merge(uneven_tree)
    assert made.leaves[:2] == ["c0", "e"]
    assert made.reorder(uneven_tree.leaves) == uneven_tree
    assert uneven_tree.merge(uneven_tree) == uneven_tree


def test_merge_below_a_node_and_above_the_root(tree):
    more = kh.ClassTree.from_nested({"air": ["kite", "balloon"]})
    below, above = tree.merge(more), more.merge(tree)
    assert below.path("kite") == ["vehicle", "air", "kite"] == above.path("kite")
    assert above.leaves == ["kite", "balloon", "car", "truck", "jet", "glider"]


@pytest.mark.parametrize(
    ("nested", "match"),
    [
        ({"boats": ["canoe", "raft"]}, "2 roots: 'vehicle', 'boats'"),
        ({"vehicle": {"sea": ["jet", "raft"]}}, "'jet' has two parents: 'air' and 'sea'"),
        ({"vehicle": {"air": {"jet": ["a380", "b747"]}}}, "Class 'jet' is an inner node"),
        ({"vehicle": ["air", "sea"]}, "Class 'air' is an inner node"),
    ],
)
def test_trees_that_contradict_each_other(tree, nested, match):
    with pytest.raises(ValueError, match=match):
        tree.merge(kh.ClassTree.from_nested(nested))


# Differences -------------------------------------------------------------------------------------


def test_no_difference(any_tree):
    found = any_tree.diff(any_tree)
    assert not found and str(found) == "no difference" and found == TreeDiff([], [], [], [], [], [])


def test_every_kind_of_difference(tree):
    new = kh.ClassTree.from_nested(
        {"all": {"vehicle": {"land": ["truck", "car"], "sea": ["boat"], "jet": None}}}
    )
    found = tree.diff(new)
    assert found.to_dict() == {
        "added_classes": ["boat"],
        "removed_classes": ["glider"],
        "added_groups": ["sea", "all"],
        "removed_groups": ["air"],
        "moved": [("jet", "air", "vehicle"), ("vehicle", "", "all")],
        "relabeled": [("car", 0, 1), ("truck", 1, 0), ("jet", 2, 3)],
    }
    assert "moved (2)\n  jet: air -> vehicle\n  vehicle: (root) -> all\n" in str(found)
    assert found and "car: 0 -> 1" in str(found)


def test_long_differences_are_cut():
    old = kh.ClassTree([("r", f"c{i}") for i in range(40)])
    found = old.diff(old.reorder(old.leaves[::-1]))
    assert len(found.relabeled) == 40 and str(found).endswith("  ... (30 more)")


# Size --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_deep_and_wide_trees():
    links = [f"n{i}" for i in range(5_000)]
    deep = kh.ClassTree([*itertools.pairwise(links), (links[-1], "a"), (links[-1], "b")])
    assert deep.prune_chains().height == 1 and deep.subtree("n4000").height == 1_000
    fine = np.arange(20_000)
    wide = kh.ClassTree.from_label_columns(fine, fine // 3, fine // 3, fine // 48)
    start = time.monotonic()
    assert wide.prune_chains().diff(wide.keep(wide.leaves[::3]))
    assert time.monotonic() - start < 10  # 0.2 s; a pass per class would take minutes
