"""Configurations of class trees: edges by name, and every name once for large ones."""

import json

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.tree import as_tree, config
from keras_haframe.tree.raw_tree import read_raw
from tests.trees import SHAPES, deep, uneven

COMPACT = {"nodes": ["car", "jet", "land", "all"], "parents": [2, 3, 3], "num_classes": 2}


@pytest.fixture
def large(monkeypatch):
    """Every tree is large."""
    monkeypatch.setattr(config, "SMALL", 0)


@pytest.mark.parametrize("shape", SHAPES)
def test_round_trip_keeps_all_numbers(large, shape, tmp_path):
    tree = SHAPES[shape]()
    made = tree.get_config()
    assert set(made) == {"nodes", "parents", "num_classes", "name"}
    again = as_tree(json.loads(json.dumps(made)))
    assert again == tree and again.name == tree.name
    assert sorted(again.edges) == sorted(tree.edges)
    made["nodes"].clear()
    assert tree.nodes == again.nodes  # a copy
    tree.to_json(tmp_path / "tree.json")
    assert kh.ClassTree.from_json(tmp_path / "tree.json") == tree
    assert kh.ClassTree.from_json(tmp_path / "tree.json", name="mine").name == "mine"
    raw = read_raw(tmp_path / "tree.json")
    assert sorted((a[1], b[1]) for a, b in raw.edges) == sorted(tree.edges)


def test_names_of_any_kind_in_lines(large, tmp_path):
    names = ['a "quoted" one', "back\\slash", "Übergröße", "戦車", " blank ", "n,", '",']
    tree = kh.ClassTree([("r/\\", name) for name in names], name='"t"')
    tree.to_json(tmp_path / "tree.json")
    assert kh.ClassTree.from_json(tmp_path / "tree.json") == tree
    lines = (tmp_path / "tree.json").read_text("utf-8").split("\n")
    assert [json.loads(line.removesuffix(",")) for line in lines[1:9]] == tree.nodes


def test_both_forms_are_read():
    tree = kh.ClassTree([("all", "land"), ("all", "jet"), ("land", "car")], ["car", "jet"])
    assert kh.ClassTree.from_config(COMPACT) == tree == as_tree(tree.get_config())
    assert config.classes_of(COMPACT) == config.classes_of(tree.get_config()) == tree.leaves


def test_form_by_size():
    tree = deep(3_000)
    assert config.is_compact(tree.get_config()) and as_tree(tree.get_config()) == tree
    assert not config.is_compact(uneven().get_config())
    assert len(json.dumps(tree.get_config())) < 40 * tree.num_nodes


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"parents": [2, 3]}, "4 nodes, 2 parents"),
        ({"num_classes": 1}, "num_classes=1"),
        ({"num_classes": 9}, "num_classes=9"),
        ({"parents": [2, 3, 9]}, "numbers of nodes, 1 to 3. Received: '9'"),
        ({"parents": [2, 3, -1]}, "Received: '-1'"),
        ({"parents": [2, 3, "3"]}, "numbers of nodes"),
        ({"parents": [2, 3, True]}, "numbers of nodes"),
        ({"parents": [2, 3, 2.0]}, "numbers of nodes"),
        ({"parents": [2, 3, 1]}, "larger numbers"),
        ({"parents": 3}, "`parents` must be a list"),
        ({"nodes": "abcd"}, "`nodes` must be a list"),
        ({"nodes": ["car", "jet", "land", 4]}, "non-empty strings"),
        ({"nodes": ["car", "car", "land", "all"]}, "two parents"),
        ({"nodes": ["car", "jet", "a\nb", "all"]}, "control characters"),
        ({"parents": [3, 3, 3]}, "no class below it"),
        ({"parents": [1, 3, 3]}, "inner node|no class below"),
    ],
)
def test_damaged_configurations(change, match):
    with pytest.raises(ValueError, match=match):
        kh.ClassTree.from_config({**COMPACT, **change})


def test_a_nested_file_with_the_same_keys(tmp_path):
    path = tmp_path / "nested.json"
    path.write_text(json.dumps({"nodes": ["a", "b"], "parents": ["c"], "num_classes": ["d"]}))
    assert kh.ClassTree.from_json(path).leaves == ["a", "b", "c", "d"]


def test_distances_of_a_tree_read_back():
    tree = deep(2_100, levels=3)
    np.testing.assert_array_equal(as_tree(tree.get_config()).paths, tree.paths)
