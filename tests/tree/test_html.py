"""Trees as HTML, as notebooks show them."""

import itertools
import xml.etree.ElementTree as ET

import pytest

import keras_haframe as kh
from keras_haframe.tree.html import to_html


def lines(page: str) -> list[str]:
    """Text of every list entry; the page must be well formed."""
    page = page.replace("<details open>", "<details>")
    return [
        "".join(entry.find("details/summary").itertext())
        if entry.find("details") is not None
        else entry.text
        for entry in ET.fromstring(page).iter("li")
    ]


def test_the_worked_tree(tree):
    page = tree._repr_html_()
    assert lines(page) == [
        "vehicle", "land", "car [0]", "truck [1]", "air", "jet [2]", "glider [3]",
    ]  # fmt: skip
    assert page.count("<details open>") == 3
    assert page.startswith("<div><b>ClassTree</b> vehicles: 4 classes, 7 nodes, height 2")


def test_order_and_labels_are_those_of_render(uneven_tree):
    drawn = [line.split("── ")[-1] for line in uneven_tree.render().splitlines()]
    assert lines(to_html(uneven_tree)) == drawn


def test_names_are_escaped():
    tree = kh.ClassTree.from_nested({"a & b": ["<script>x</script>", "c"]}, name="<i>")
    page = to_html(tree)
    assert "<script>" not in page and "<i>" not in page
    assert {"a & b", "<script>x</script> [0]"} <= set(lines(page))


def test_a_large_tree_is_cut_and_folded():
    groups = {f"g{i}": [f"c{i}_{j}" for j in range(100)] for i in range(50)}
    page = to_html(kh.ClassTree.from_nested(groups, root="all"))
    found = lines(page)
    assert sum(not line.startswith("...") for line in found) == 500
    assert found[0] == "all" and {f"g{i}" for i in range(50)} <= set(found)  # coarse nodes first
    assert "... (51 more)" in found and found.count("... (100 more)") == 45
    assert page.count("<details open>") == 1 and len(page) < 50_000


@pytest.mark.parametrize("max_nodes", range(1, 8))
def test_as_many_nodes_as_asked(tree, max_nodes):
    found = lines(to_html(tree, max_nodes))
    assert sum(not line.startswith("...") for line in found) == max_nodes
    missing = [int(line[5:].split()[0]) for line in found if line.startswith("...")]
    assert (sum(missing) == 0) == (max_nodes == 7)


def test_a_deep_chain():
    names = [f"n{i}" for i in range(3000)]
    tree = kh.ClassTree([*itertools.pairwise(names), ("n0", "other")])
    assert to_html(tree).count("<li>") == 501  # and one line that tells of the rest


def test_max_nodes_is_checked(tree):
    with pytest.raises(ValueError, match="max_nodes"):
        to_html(tree, 0)
