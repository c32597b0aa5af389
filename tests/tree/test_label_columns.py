"""Trees from label columns."""

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


def test_a_data_frame(tree):
    class Frame(dict):
        columns = ["variant", "family"]

    frame = Frame(variant=FINE, family=COARSE, other=[1, 1, 1, 1])
    assert columns(frame, names=NAMES, root="vehicle") == tree


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


def test_large_numbers_of_coarse_labels_cost_nothing():
    """A name for each number up to the largest took 30 s and 2 GB here."""
    made = columns(FINE, [0, 0, 10**15, 10**15])
    assert made.nodes[4:] == ["level 1: 0", f"level 1: {10**15}", "root"]


def test_a_large_class_label_is_refused_at_once():
    with pytest.raises(
        ValueError, match=r"every value from 0 to 1000000000000000. Missing: \[2, 3"
    ):
        columns([0, 1, 10**15], [0, 0, 0])
