"""Readers of tables: label columns and CSV files."""

import numpy as np
import pytest

import keras_haframe as kh

FINE, COARSE = [0, 1, 2, 3], [0, 0, 1, 1]
NAMES = [["car", "truck", "jet", "glider"], ["land", "air"]]


def columns(*args, **kwargs):
    return kh.ClassTree.from_label_columns(*args, **kwargs)


# Label columns -----------------------------------------------------------------------------------


def test_integers_and_names(tree):
    assert columns(FINE, COARSE, names=NAMES, root="vehicle", name="n") == tree


def test_integers_without_names():
    made = columns(FINE, COARSE)
    assert made.leaves == ["class 0", "class 1", "class 2", "class 3"]
    assert made.path(3) == ["root", "level 1: 1", "class 3"]


def test_one_entry_per_example_in_any_order(tree):
    rng = np.random.default_rng(0)
    fine = np.r_[np.arange(4), rng.integers(0, 4, 500)]
    rng.shuffle(fine)
    assert columns(fine, fine // 2, names=NAMES, root="vehicle") == tree


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "uint64", object])
def test_integer_types(tree, dtype):
    made = columns(np.array(FINE, dtype), np.array(COARSE, dtype), names=NAMES, root="vehicle")
    assert made == tree


def test_all_columns_in_one_argument(tree):
    options = {"names": NAMES, "root": "vehicle"}
    assert columns([FINE, COARSE], **options) == tree
    assert columns(np.array([FINE, COARSE]).T, **options) == tree  # [n, levels]
    assert columns({"variant": FINE, "family": COARSE}, **options) == tree
    by_title = {"family": NAMES[1], "variant": NAMES[0]}
    assert columns({"variant": FINE, "family": COARSE}, names=by_title, root="vehicle") == tree


def test_dictionary_keys_name_the_levels():
    made = columns({"variant": FINE, "family": COARSE})
    assert made.path(2) == ["root", "family: 1", "class 2"]


def test_a_coarse_level_may_be_called_class():
    """As the biological rank is."""
    made = columns({"species": [0, 1, 2], "class": [4, 4, 9]})
    assert made.path(2) == ["root", "class: 9", "class 2"]


def test_strings_in_sorted_order():
    fine = ["truck", "jet", "car", "glider", "car"]
    made = columns(fine, ["land", "air", "land", "air", "land"])
    assert made.leaves == ["car", "glider", "jet", "truck"]
    assert made.path("jet") == ["root", "air", "jet"]


@pytest.mark.parametrize(
    "texts",
    [
        np.array(["b", "ä"], object),
        np.array([b"b", "ä".encode()], object),
        np.array([b"b", "ä".encode()]),
    ],
    ids=["object", "bytes objects", "bytes"],
)
def test_strings_as_pandas_and_tfds_give_them(texts):
    assert columns(texts, [0, 1]).leaves == ["b", "ä"]


def test_integer_objects_are_sorted_as_numbers():
    fine = np.array(list(range(12)), object)
    assert columns(fine, fine // 4).leaves == [f"class {i}" for i in range(12)]


def test_only_some_columns_have_names():
    made = columns(FINE, COARSE, names=[NAMES[0], None])
    assert made.path("jet") == ["root", "level 1: 1", "jet"]
    assert columns({"v": FINE, "f": COARSE}, names={"v": NAMES[0]}).path("jet")[1] == "f: 1"


def test_more_names_than_labels():
    """A subset of the labels of a data set, as its first classes are."""
    assert columns([0, 1], [0, 0], names=NAMES).leaves == ["car", "truck"]


def test_same_name_on_two_levels():
    made = columns(
        {"variant": ["747", "747-400", "a320"], "family": ["747", "747", "a320"]}, root="aircraft"
    )
    assert made.leaves == ["747", "747-400", "a320"]
    assert made.path("747") == ["aircraft", "family: 747", "747"]
    assert made.path("a320") == ["aircraft", "family: a320", "a320"]


def test_same_name_on_three_levels():
    made = columns(["x", "y"], ["x", "y"], ["x", "z"])
    assert made.path("x") == ["root", "level 2: x", "level 1: x", "x"]
    assert made.path("y") == ["root", "z", "level 1: y", "y"]


def test_coarse_name_like_the_root():
    made = columns(["a", "b"], ["root", "other"])
    assert made.path("a") == ["root", "level 1: root", "a"]


def test_gaps_in_coarse_integers_are_harmless():
    made = columns(FINE, [3, 3, 7, 7])
    assert made.num_nodes == 7 and made.path(0)[1] == "level 1: 3"


def test_single_column_is_a_flat_tree():
    assert columns([["b", "a", "c"]]).distances().max() == 1


def test_three_levels():
    made = columns([0, 1, 2, 3], [0, 0, 1, 2], [0, 0, 0, 1])
    assert made.height == 3
    assert made.distances()[0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("args", "options", "match"),
    [
        (([0, 1, 3, 5], [0, 0, 1, 1]), {}, r"every value from 0 to 5. Missing: \[2, 4\]$"),
        (([0, 99], [0, 1]), {}, r"Missing: \[1, 2, 3, 4, 5\], ..."),
        (([-1, 0, 1], [0, 0, 1]), {}, "not be negative. Received: -1 in 'level 0'"),
        (([0, 1], [0, -2]), {}, "not be negative. Received: -2 in 'level 1'"),
        (
            ([0, 1, 1], [0, 0, 1]),
            {},
            r"'class 1' \(level 0\) has two parents in level 1.*: 0'.*: 1'",
        ),
        ((["a", "b", "b"], ["x", "x", "y"]), {}, r"'b' .* has two parents .*'x' and 'y'"),
        (([0, 1, 2], [0, 1]), {}, r"of equal length.*Received shapes: \[\(3,\), \(2,\)\]"),
        (([0, 1, 2],), {}, "must be one-dimensional"),
        (([], []), {}, "not empty"),
        ((), {}, "not empty"),
        (([0, 1], [[0], [1]]), {}, "must be one-dimensional"),
        (([0.0, 1.0], [0, 0]), {}, "integers or strings. Received: 0.0"),
        ((["a", "b"], [True, False]), {}, "integers or strings. Received: True"),
        ((np.array(["a", None], object), [0, 0]), {}, "integers or strings. Received: None"),
        ((["a", ""], [0, 0]), {}, "non-empty strings"),
        ((FINE, COARSE), {"names": [["car"], None]}, "labels up to 3 but only 1 names"),
        ((FINE, COARSE), {"names": [NAMES[0]]}, "Received 1 lists for 2 columns"),
        ((FINE, COARSE), {"names": [NAMES[0], ["x", "x"]]}, "'level 1' have the same name: 'x'"),
        ((FINE, COARSE), {"names": [NAMES[0], ["x", 3]]}, r"names\[1\] of 'level 1'=3"),
        (([0, 0], [1, 1]), {}, "at least two classes"),
    ],
)
def test_refused_columns(args, options, match):
    with pytest.raises(ValueError, match=match):
        columns(*args, **options)


# CSV ---------------------------------------------------------------------------------------------


def csv(tmp_path, text, encoding="utf-8", **options):
    path = tmp_path / "things.csv"
    path.write_text(text, encoding, newline="")
    return kh.ClassTree.from_csv(path, **options)


LEVELS = "class,group\ncar,land\ntruck,land\njet,air\nglider,air\n"
EDGES = "parent,child\nvehicle,land\nvehicle,air\nland,car\nland,truck\nair,jet\nair,glider\n"


@pytest.mark.parametrize(
    "text",
    [
        LEVELS,
        EDGES,
        LEVELS.replace("\n", "\r\n"),
        LEVELS.replace("\n", "\n\n") + " , \n",  # blank lines
        LEVELS.replace(",", " , "),
        LEVELS.replace("jet", '"jet"'),
        EDGES.replace("parent,child", "Parent, CHILD"),
        "note," + EDGES.replace("\n", "\nx,").removesuffix("x,"),  # a further column
        "child,parent\n" + "".join(
            ",".join(line.split(",")[::-1]) + "\n" for line in EDGES.splitlines()[1:]
        ),
    ],
    ids=["levels", "edges", "crlf", "blank", "spaces", "quotes", "case", "extra", "swapped"],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_csv_forms(tmp_path, tree, text, encoding):
    made = csv(tmp_path, text, encoding, root="vehicle")
    assert made == tree and made.name == "things"


def test_csv_name_and_text(tmp_path):
    made = csv(tmp_path, 'c,g\n戦車,"land, dry"\n"a ""b""",air\n', name="n")
    assert made.leaves == ["戦車", 'a "b"'] and made.name == "n"
    assert made.path("戦車") == ["root", "land, dry", "戦車"]


def test_csv_levels_of_uneven_depth(tmp_path):
    made = csv(tmp_path, "c,group,top\ncar,land,move\nkite,,play\ndoll,,\n")
    assert made.path("car") == ["root", "move", "land", "car"]
    assert made.path("kite") == ["root", "play", "kite"] and made.path("doll") == ["root", "doll"]


def test_csv_with_equal_names(tmp_path):
    made = csv(tmp_path, "variant,family\n747,747\n747-400,747\na320,a320\n")
    assert made.leaves == ["747", "747-400", "a320"]
    assert made.path("747") == ["root", "root/747", "747"]
    assert made.distances().tolist() == [[0, 1, 2], [1, 0, 2], [2, 2, 0]]


def test_csv_with_one_column_is_flat(tmp_path):
    assert csv(tmp_path, "class\na\nb\n").height == 1


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("class,group\n", "no lines below its header"),
        ("", "no lines below its header"),
        (
            "class,group\ncar,land\njet\n",
            r"things.csv: line 3 has 1 cells, the header 2: \['jet'\]",
        ),
        ("class,group\ncar,land\n\njet,air,x\n", "line 4 has 3 cells, the header 2"),
        ("class,group\ncar,land\n,air\n", "line 3 names no class: its first cell, 'class',"),
        ("class,group\ncar,land\ncar,land\n", "Duplicate class: the path 'land/car'"),
        ("parent,child\nr,a\nr,\n", r"non-empty strings. Received: edges\[1\]=''"),
        ("parent,child\nr,a\nr,b\ns,a\n", "'a' has two parents: 'r' and 's'"),
        ("parent,child\nr,a\n", "at least two classes"),
    ],
)
def test_refused_csv(tmp_path, text, match):
    with pytest.raises(ValueError, match=match):
        csv(tmp_path, text)
