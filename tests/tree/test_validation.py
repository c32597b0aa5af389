"""Every tree that is refused is refused with one `ValueError` that names the culprit."""

import re

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.tree import validation

GOOD = [("root", "land"), ("root", "air"), ("land", "car"), ("land", "truck"), ("air", "jet")]


def refused(match, edges=GOOD, leaves=None):
    with pytest.raises(ValueError, match=match):
        kh.ClassTree(edges, leaves)


def test_the_good_tree_is_good():
    assert kh.ClassTree(GOOD, ["jet", "car", "truck"]).num_classes == 3


# Edges -------------------------------------------------------------------------------------------


def test_cycle_beside_a_tree():
    refused("cycle: .*'x' <- 'z' <- 'y' <- 'x'", [*GOOD, ("x", "y"), ("y", "z"), ("z", "x")])


def test_cycle_with_classes_below_names_only_the_cycle():
    edges = [("x", "y"), ("y", "x"), ("y", "leaf"), ("root", "a"), ("root", "b")]
    refused(r"cycle: 'x' <- 'y' <- 'x'\.", edges)


def test_cycle_without_any_root():
    refused("cycle", [("a", "b"), ("b", "c"), ("c", "a")])


def test_node_that_is_its_own_parent():
    refused("cycle: 'jet' is its own parent", [*GOOD, ("jet", "jet")])


def test_long_cycle_is_found_at_once_and_shortened():
    edges = [(f"n{i}", f"n{(i + 1) % 20_000}") for i in range(20_000)]
    with pytest.raises(ValueError, match=r"'n0' <- 'n19999' .*\(19994 more\) <- 'n0'") as caught:
        kh.ClassTree(edges)
    assert len(str(caught.value)) < 200


def test_two_roots():
    refused("2 roots: 'root', 'sea'.*'root', 'sea'", [*GOOD, ("sea", "ship"), ("sea", "boat")])


def test_many_roots_are_shortened():
    edges = [(f"r{i}", f"c{i}") for i in range(30)]
    refused("30 roots: 'r0', 'r1', 'r2', 'r3', 'r4', ...", edges)


def test_node_with_two_parents():
    refused("'car' has two parents: 'land' and 'air'", [*GOOD, ("air", "car")])
    refused("'air' has two parents: 'root' and 'land'", [*GOOD, ("land", "air")])


@pytest.mark.parametrize("bad", ["", "   ", None, 3, 2.5, b"jet", ("jet",), True])
def test_names_that_are_not_strings(bad):
    refused(r"non-empty strings. Received: edges\[5\]=", [*GOOD, ("air", bad)])
    refused(r"non-empty strings. Received: edges\[5\]=", [*GOOD, (bad, "glider")])


@pytest.mark.parametrize(
    "bad",
    ["a\x1b[31m", "a\nb", "a\tb", "\x00a", "a\x9b", "a\u2028", "a\u202eb", "\ud800"],
    ids=ascii,
)
def test_names_with_control_characters(bad):
    """They would move the cursor of a terminal, break a line of a table, or fit in no file."""
    shown = re.escape(ascii(bad))
    refused(rf"control characters.* Received: edges\[5\]={shown}$", [*GOOD, ("air", bad)])
    refused(rf"control characters.* Received: leaves\[0\]={shown}$", leaves=[bad, "car"])
    with pytest.raises(ValueError, match=rf"control characters.* Received: name={shown}$"):
        kh.ClassTree(GOOD, name=bad)


@pytest.mark.parametrize("good", ["👩‍🔬", "क्‍ष", "naïve", "a b", "Ünï", "a\u00ad"])
def test_any_other_text_is_a_name(good):
    assert good in kh.ClassTree([*GOOD, ("air", good)]).leaves


@pytest.mark.parametrize(
    "edge", [("air",), ("air", "x", "y"), (), "ab", b"ab", None, 7], ids=lambda e: repr(e)
)
def test_edges_that_are_not_pairs(edge):
    refused(r"must be a \(parent, child\) pair. Received: edges\[5\]=", [*GOOD, edge])


@pytest.mark.parametrize("edges", ["root/land", b"ab", None, 5])
def test_edges_that_are_no_list(edges):
    refused("`edges` must be a list of .*Received: ", edges)


@pytest.mark.parametrize("edges", [[], (), {}, np.zeros((0, 2))])
def test_no_edges(edges):
    refused("`edges` is empty", edges)


# Classes -----------------------------------------------------------------------------------------


def test_duplicate_class():
    refused("Duplicate class 'car'", leaves=["car", "truck", "jet", "car"])


def test_class_that_is_an_inner_node():
    refused("Class 'air' is an inner node.*'jet'", leaves=["car", "truck", "air"])


def test_class_not_in_the_tree():
    refused("not in the tree: 'glider'", leaves=["car", "truck", "jet", "glider"])
    refused("'jett' is not a .*Did you mean 'jet'", leaves=["car", "truck", "jett"])


def test_inner_node_without_any_class():
    refused("'sea' has no class below it", [*GOOD, ("root", "sea")], ["car", "truck", "jet"])
    deeper = [*GOOD, ("root", "sea"), ("sea", "deep")]
    refused("'deep' has no class below it", deeper, ["car", "truck", "jet"])


@pytest.mark.parametrize("leaves", [[], ["car"]])
def test_fewer_than_two_classes(leaves):
    refused("at least two classes. Received: leaves=", leaves=leaves)


def test_single_class_tree():
    refused(r"at least two classes. Received: leaves=\['b'\]", [("r", "a"), ("a", "b")])


@pytest.mark.parametrize("bad", ["", "  ", None, 0, b"jet"])
def test_class_names_that_are_not_strings(bad):
    refused(r"non-empty strings. Received: leaves\[2\]=", leaves=["car", "truck", bad])


@pytest.mark.parametrize("leaves", ["car", b"car", 3])
def test_leaves_that_are_no_list(leaves):
    refused("`leaves` must be a list of class names.*Received: ", leaves=leaves)


# Helpers -----------------------------------------------------------------------------------------


def test_check_name_returns_a_plain_string():
    name = validation.check_name(np.str_("jet"), "x")
    assert name == "jet" and type(name) is str


def test_unknown_name_without_a_near_one():
    assert validation.unknown_name("qqq", ["jet"], "class") == "'qqq' is not a class."


def test_check_edges_drops_repetitions_and_keeps_order():
    edges, parent_of, children_of = validation.check_edges([*GOOD, *GOOD[:2]])
    assert edges == GOOD
    assert parent_of["car"] == "land" and "root" not in parent_of
    assert list(children_of) == ["root", "land", "air", "car", "truck", "jet"]
    assert children_of["land"] == ["car", "truck"]


def test_check_reachable_gives_depths():
    _, parent_of, children_of = validation.check_edges(GOOD)
    depth = validation.check_reachable(parent_of, children_of)
    assert depth == {"root": 0, "land": 1, "air": 1, "car": 2, "truck": 2, "jet": 2}
