"""The doctor tells of everything at once, proposes repairs, and guesses nothing silently."""

import json
import time

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.tree.near_names import one_letter_apart, same_spelling, tidy
from tests.trees import SHAPES, TREES

GOOD = [("root", "land"), ("root", "air"), ("land", "car"), ("land", "truck"), ("air", "jet"),
        ("air", "kite")]  # fmt: skip


def kinds(checkup):
    return [f.kind for f in checkup.findings]


@pytest.mark.parametrize("name", sorted({**TREES, **SHAPES}))
def test_a_tree_has_nothing_wrong(name):
    tree = {**TREES, **SHAPES}[name]()
    found = kh.tree.doctor(tree)
    assert found.ok and found.tree == tree and not found.changes
    children = np.bincount(tree.parents[:-1], minlength=tree.num_nodes)
    assert kinds(found) == ["single child"] * bool((children == 1).any())


def test_all_at_once():
    edges = [
        *GOOD, ("air", "car"), ("land", "car"), ("air", " jet"), ("land", "truckk"),
        ("air", "glider"), ("air", "Glider"), ("sea", "ship"), ("ship", "ship"),
        ("a\x1b", "b"), ("b", "a\x1b"),
    ]  # fmt: skip
    found = kh.tree.doctor(edges)
    assert set(kinds(found)) == {
        "stray blanks", "spelling", "near names", "repeated", "two parents", "cycle",
    }  # fmt: skip
    assert not found.ok and found.tree is None  # which edge of a cycle is wrong, nobody knows
    assert "error: cycle: 'b' <- 'a' <- 'b': take one of these edges out" in str(found)
    assert "'truckk'" in next(f.message for f in found.findings if f.kind == "near names")
    assert "\x1b" not in str(found)
    json.dumps(found.to_dict())


@pytest.mark.parametrize(
    ("more", "kind", "path"),
    [
        ([("air", "car"), ("land", "car")], "two parents", ["root", "land", "car"]),
        ([("air", "car"), ("air", "car")], "two parents", ["root", "air", "car"]),
        ([("air", "car")], "two parents", ["root", "land", "car"]),  # of equals the first
        ([("sea", "ship"), ("sea", "raft")], "several roots", ["all", "sea", "ship"]),
        ([("jet", "jet")], "cycle", ["root", "air", "jet"]),
        ([("air", "Glider_1"), ("air", "glider  1"), ("air", "glider 1")], "spelling",
         ["root", "air", "glider 1"]),
        ([("air", "Cafe\u0301")], "stray blanks", ["root", "air", "Café"]),
        ([("air", "  ")], "blank name", ["root", "air", "jet"]),
        ([("air", "glider\n")], "stray blanks", ["root", "air", "glider"]),
    ],
)  # fmt: skip
def test_repairs(more, kind, path):
    found = kh.tree.doctor([*GOOD, *more])
    assert kind in kinds(found) and not found.ok
    assert found.changes and found.tree.path(path[-1]) == path
    assert kh.tree.doctor(found.tree).ok


def test_a_group_that_loses_its_children_is_no_class():
    found = kh.tree.doctor([*GOOD, ("root", "sea"), ("sea", "jet"), ("air", "jet")])
    assert found.tree.leaves == ["car", "truck", "jet", "kite"]
    assert "no class below" in kinds(found)


def test_listed_classes(tmp_path):
    path = tmp_path / "t.json"
    leaves = ["jet", "car", "truck", "car", "boat", "air"]
    path.write_text(json.dumps({"edges": GOOD, "leaves": leaves}))
    found = kh.tree.doctor(path)
    assert kinds(found)[:4] == ["repeated class", "class not in the tree", "class with children",
                                "no class below"]  # fmt: skip
    assert found.tree.leaves == ["jet", "car", "truck", "air (other)"] and found.tree.name == "t"


# Files -------------------------------------------------------------------------------------------


def table(tmp_path, text, **options):
    path = tmp_path / "birds.csv"
    path.write_text(text, "utf-8")
    return kh.tree.doctor(str(path), **options)


BIRDS = "order,family,species\nA,L,gull\nA,L,tern\nA,S,skua\nB,O,owl\nB,O,barn owl\nA,S,jaeger\n"


def test_a_good_table(tmp_path):
    found = table(tmp_path, BIRDS)
    assert found.ok and found.findings[0].kind == "single child"
    assert found.tree == kh.ClassTree.from_csv(tmp_path / "birds.csv")


def test_a_bad_table(tmp_path):
    found = table(tmp_path, BIRDS + "A,L ,noddy\nB,L,gull\nA,L,gull\nA,,booby\n")
    assert kinds(found)[:3] == ["missing ranks", "stray blanks", "two parents"]
    assert found.tree.path("noddy") == ["root", "A", "L", "noddy"]
    assert found.tree.path("gull") == ["root", "A", "L", "gull"]
    assert "1 lines have no 'family', but a finer level" in str(found)


def test_the_order_with_fewer_contradictions(tmp_path):
    text = "group,kind\nland,car\nland,bus\nland,cab\nair,jet\nair,kite\nair,car\n"
    with pytest.raises(ValueError, match="cannot be told"):
        (tmp_path / "birds.csv").write_text(text)
        kh.ClassTree.from_csv(tmp_path / "birds.csv")
    found = table(tmp_path, text)
    assert kinds(found) == ["two parents"] and found.tree.path("car")[1] == "land"


def test_names_in_several_columns(tmp_path):
    found = table(tmp_path, "family,species\nowl,owl\nowl,barn owl\ngull,tern\ngull,noddy\n")
    assert found.ok and found.tree.path("owl") == ["root", "family: owl", "owl"]


@pytest.mark.parametrize(
    ("text", "options", "match"),
    [
        ("a,b\nx,p\ny,q\n", {}, "either order fits"),
        ("a,b\nx,p\ny\n", {}, "line 3 has 1 cells"),
        ("family,species,x\na,b,c\nd,e,f\n", {}, "no ranks: 'x'"),
        (BIRDS, {"columns": ["Order"]}, "'Order' is not a column"),
        (BIRDS, {"columns": ["order"], "separator": ";"}, "is not a column"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, text, options, match):
    found = table(tmp_path, text, **options)
    assert kinds(found) == ["cannot be read"] and found.tree is None and not found.ok
    assert match in found.findings[0].message and "birds.csv" in found.title


def test_other_files(tmp_path, tree):
    (tmp_path / "nested.json").write_text('{"land": ["car", "truck"], "air": ["jet", "glider"]}')
    assert kh.tree.doctor(tmp_path / "nested.json").tree.leaves == tree.leaves
    (tmp_path / "bad.json").write_text("{")
    assert kinds(kh.tree.doctor(tmp_path / "bad.json")) == ["cannot be read"]
    (tmp_path / "edges.csv").write_text("parent,child\nr,a\nr,b\ns,a\n")
    assert kinds(kh.tree.doctor(tmp_path / "edges.csv"))[0] == "two parents"
    with pytest.raises(OSError):
        kh.tree.doctor(tmp_path / "none.csv")
    assert kinds(kh.tree.doctor([("a",)])) == ["cannot be read"]


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.json", '{"land": ["car"]}', "json"),
        ("a.json", '[{"id": 0}]', "inaturalist"),
        ("a.json", '{"categories": []}', "inaturalist"),
        ("a.txt", "taxonID\tparentNameUsageID\n", "darwin-core"),
        ("a.txt", "ddf59264-185a-4d35-b647-2785792bdf54;a;b;c;d;e;lion\n", "speciesnet"),
        ("a.txt", "a;b;c;d;e;f;g\n", "csv"),
        ("", "", "folders"),
    ],
)
def test_formats_are_found(tmp_path, name, text, kind):
    from keras_haframe.tree.files import find_format

    if name:
        (tmp_path / name).write_text(text)
    assert find_format(tmp_path / name) == kind


def test_unknown_format(tmp_path):
    with pytest.raises(ValueError, match="`format` must be auto, json, csv.* Received: 'xml'"):
        kh.tree.read(tmp_path, "xml")


# Names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "near"),
    [
        ("Laridae", "Laridea", True), ("Laridae", "Lardae", True), ("Laridae", "Larxdae", True),
        ("Laridae", "Laridaes", True), ("Laridae", "xLaridae", True), ("Laridae", "Larid", False),
        ("Larus canus", "Larus canis", True), ("Larus canus", "Larws canis", False),
        ("737-300", "737-400", False), ("gull", "bull", False), ("Model A", "Model B", False),
        ("Laridae", "Laridae", False), ("Laridae", "Lariade", True), ("aaaaa", "aaaaaa", True),
    ],
)  # fmt: skip
def test_one_letter_apart(a, b, near):
    assert one_letter_apart([a, b]) == ([(a, b)] if near else [])
    assert one_letter_apart([b, "other name", a]) == ([(b, a)] if near else [])


def test_spellings():
    assert same_spelling(["a b", "A_B", "c", "a  b", "a-b", "ab"]) == [
        ["a b", "A_B", "a  b", "a-b"]
    ]
    assert tidy("  a\x1b\u00a0 b\n") == "a b"


def test_many_names_are_compared_quickly():
    rng = np.random.default_rng(0)
    names = ["".join(map(chr, row)) for row in rng.integers(97, 123, (20_000, 10))]
    start = time.monotonic()
    found = one_letter_apart([*names, names[0][:-1]])
    assert (names[0], names[0][:-1]) in found and time.monotonic() - start < 20  # 0.5 s
