"""Readers of structures: paths, nested dictionaries, JSON, folders."""

import json
import os

import numpy as np
import pytest

import keras_haframe as kh
from tests.trees import random_tree

PATHS = ["land/car", "land/truck", "air/jet", "air/glider"]
NESTED = {"land": ["car", "truck"], "air": ["jet", "glider"]}


# Paths -------------------------------------------------------------------------------------------


def test_paths(tree):
    assert kh.ClassTree.from_paths(PATHS, root="vehicle") == tree


def test_paths_keep_label_order():
    made = kh.ClassTree.from_paths(["air/jet", "land/car", "air/glider"], name="n")
    assert made.leaves == ["jet", "car", "glider"] and made.name == "n" and made.root == "root"


@pytest.mark.parametrize(
    "paths",
    [
        [p.split("/") for p in PATHS],
        [tuple(p.split("/")) for p in PATHS],
        (p for p in PATHS),
        np.array(PATHS),
        [f"/{p}/" for p in PATHS],
    ],
    ids=["lists", "tuples", "generator", "array", "slashes"],
)
def test_forms_of_paths(paths, tree):
    assert kh.ClassTree.from_paths(paths, root="vehicle") == tree


def test_separator(tree):
    paths = [p.replace("/", " > ") for p in PATHS]
    assert kh.ClassTree.from_paths(paths, separator=" > ", root="vehicle") == tree


def test_a_common_first_part_is_the_root(tree):
    made = kh.ClassTree.from_paths([f"vehicle/{p}" for p in PATHS], root="not used")
    assert made == tree


def test_a_common_chain_stays_below_the_root():
    made = kh.ClassTree.from_paths(["a/b/x", "a/b/y"])
    assert made.root == "a" and made.path("x") == ["a", "b", "x"] and made.height == 2


def test_equal_names_in_two_branches_are_two_nodes():
    made = kh.ClassTree.from_paths(["land/other/sled", "land/car", "air/other/kite", "air/jet"])
    assert made.path("sled") == ["root", "land", "land/other", "sled"]
    assert made.path("kite") == ["root", "air", "air/other", "kite"]
    assert made.distances()[0, 2] == 3


def test_equal_class_names_in_two_branches():
    made = kh.ClassTree.from_paths(["land/other", "land/car", "air/other"])
    assert made.leaves == ["land/other", "car", "air/other"]


def test_class_named_like_its_group():
    made = kh.ClassTree.from_paths(["boeing/747/747", "boeing/747/747-400", "airbus/a320/a320"])
    assert made.leaves == ["747", "747-400", "a320"]
    assert made.path("747") == ["root", "boeing", "boeing/747", "747"]


def test_paths_of_different_length():
    made = kh.ClassTree.from_paths(["kite", "air/jet", "air/heavy/cargo"])
    assert made.depths[:3].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("paths", "match"),
    [
        ("land/car", "`paths` must be a list with one path per class. Received: 'land/car'"),
        (["land/car", 3], r"string or a sequence of names. Received: paths\[1\]=3"),
        (["land/car", ""], r"non-empty strings. Received: paths\[1\]=''"),
        (["land/car", "land//jet"], r"non-empty strings. Received: paths\[1\]=''"),
        (["land/car", []], r"at least the class. Received: paths\[1\]=\[\]"),
        (["land/car", ["air", None]], r"Received: paths\[1\]=None"),
        (["a/x", "b/y", "a/x"], "Duplicate class: the path 'a/x'"),
        (["a/x", "b/y", "a/x/z"], "Class 'a/x' is an inner node: 'a/x/z' lies below"),
        (["a/x"], "at least two classes"),
        ([], "`edges` is empty"),
    ],
)
def test_refused_paths(paths, match):
    with pytest.raises(ValueError, match=match):
        kh.ClassTree.from_paths(paths)


# Nested dictionaries -----------------------------------------------------------------------------


def test_nested(tree):
    made = kh.ClassTree.from_nested(NESTED, root="vehicle", name="n")
    assert made == tree and made.name == "n"


def test_nested_forms_mix(tree):
    nested = {"land": {"car": None, "truck": None}, "air": ("jet", "glider")}
    assert kh.ClassTree.from_nested(nested, root="vehicle") == tree
    assert kh.ClassTree.from_nested({"vehicle": NESTED}) == tree


def test_nested_of_uneven_depth():
    made = kh.ClassTree.from_nested({"kite": None, "air": {"heavy": ["cargo"], "jet": None}})
    assert made.leaves == ["kite", "cargo", "jet"]
    assert made.depths[:3].tolist() == [1, 3, 2]


@pytest.mark.parametrize(
    ("nested", "match"),
    [
        (["car"], "`nested` must be a dictionary. Received: list"),
        ({"land": []}, "'land' has no class below it"),
        ({"land": ["car"], "air": {}}, "'air' has no class below it"),
        ({"land": "car"}, "Received: 'car' below 'land'"),
        ({"land": ["car", 3]}, r"non-empty strings. Received: .*=3"),
        ({"land": ["car", {"x": None}]}, "non-empty strings"),
        ({3: ["car", "jet"]}, "non-empty strings. Received: key=3"),
        ({"": ["car", "jet"]}, "non-empty strings. Received: key=''"),
        ({"land": ["car", "car"]}, "Duplicate class: the path 'land/car'"),
        ({"land": ["car"]}, "at least two classes"),
        ({}, "`edges` is empty"),
    ],
)
def test_refused_nested(nested, match):
    with pytest.raises(ValueError, match=match):
        kh.ClassTree.from_nested(nested)


# JSON --------------------------------------------------------------------------------------------


def test_json_round_trip(tmp_path, uneven_tree):
    path = tmp_path / "tree.json"
    uneven_tree.to_json(path)
    again = kh.ClassTree.from_json(path)
    assert again == uneven_tree and again.name == "uneven"
    assert os.listdir(tmp_path) == ["tree.json"]  # no temporary file is left
    uneven_tree.to_json(str(path))  # over an old one, path as text
    assert kh.ClassTree.from_json(str(path)) == uneven_tree


@pytest.mark.parametrize("seed", range(5))
def test_json_round_trip_of_random_trees(tmp_path, seed):
    made = random_tree(np.random.default_rng(seed), 30)
    made.to_json(tmp_path / "t.json")
    again = kh.ClassTree.from_json(tmp_path / "t.json")
    assert again == made
    np.testing.assert_array_equal(again.distances(), made.distances())


def test_json_keeps_any_text(tmp_path):
    names = ['quo"te', "back\\slash", "Übergröße", "戦車", "🛩", "two  blanks"]
    made = kh.ClassTree([("корень", n) for n in names], name="имя")
    made.to_json(tmp_path / "t.json")
    again = kh.ClassTree.from_json(tmp_path / "t.json")
    assert again.leaves == names and again.name == "имя" and again == made
    assert "戦車" in (tmp_path / "t.json").read_text("utf-8")  # readable, not escaped


def test_failed_write_leaves_the_old_file_and_no_other(tmp_path, tree, monkeypatch):
    path = tmp_path / "t.json"
    tree.to_json(path)
    again = kh.ClassTree.from_json(path)
    monkeypatch.setattr(tree, "get_config", lambda: {"edges": "\ud800"})  # has no UTF-8
    with pytest.raises(UnicodeEncodeError):
        tree.to_json(path)
    assert kh.ClassTree.from_json(path) == again
    assert os.listdir(tmp_path) == ["t.json"]


def test_json_of_edges_only(tmp_path):
    path = tmp_path / "birds.json"
    path.write_text(json.dumps({"edges": [["r", "b"], ["r", "a"]]}))
    made = kh.ClassTree.from_json(path)
    assert made.leaves == ["b", "a"] and made.name == "birds"
    assert kh.ClassTree.from_json(path, name="other").name == "other"


def test_json_of_nested_objects(tmp_path, tree):
    path = tmp_path / "vehicles.json"
    path.write_text("\ufeff" + json.dumps(NESTED), "utf-8")  # with a byte-order mark
    made = kh.ClassTree.from_json(path, root="vehicle")
    assert made == tree and made.name == "vehicles"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "bad.json is not valid JSON"),
        ("[1, 2]", "`nested` must be a dictionary. Received: list"),
        ('{"a":' * 2_000 + "null" + "}" * 2_000, "nested at most 1000 deep|nested too deeply"),
        ('{"a":' * 200_000 + "null" + "}" * 200_000, "bad.json is nested too deeply"),
        ('{"land": ["car", "bus"], "land": ["cab"]}', "the key 'land' occurs twice in one object"),
        ('{"edges": [["r", "a"], ["r"]]}', r"Received: edges\[1\]=\['r'\]"),
        ('{"edges": [["r", "a"], ["r", "b"]], "leaves": ["a", "c"]}', "not in the tree: 'c'"),
    ],
)
def test_refused_json(tmp_path, text, match):
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(ValueError, match=match):
        kh.ClassTree.from_json(tmp_path / "bad.json")
