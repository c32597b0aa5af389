"""The seeded split and its file."""

import numpy as np
import pytest

from keras_haframe.data.splits import read_splits, seeded_split, write_splits

NAMES = [f"{i:03d}.jpg" for i in range(20)]


def test_parts_are_disjoint_and_complete():
    parts = seeded_split(NAMES, {"validation": 0.15, "test": 0.15, "train": -1}, 0, 3)
    assert {p: len(v) for p, v in parts.items()} == {"validation": 3, "test": 3, "train": 14}
    assert sorted(name for part in parts.values() for name in part) == NAMES
    assert all(v == sorted(v) for v in parts.values())


def test_shares_are_rounded_down_and_counts_are_exact():
    parts = seeded_split(NAMES[:9], {"validation": 0.15, "test": 0.5, "train": -1}, 0, 0)
    assert [len(v) for v in parts.values()] == [1, 4, 4]
    parts = seeded_split(NAMES, {"a": 7, "b": 2, "unused": -1}, 0, 0)
    assert [len(v) for v in parts.values()] == [7, 2, 11]


def test_depends_on_seed_label_and_names_only():
    sizes = {"test": 5, "train": -1}
    first = seeded_split(NAMES, sizes, 0, 0)
    assert seeded_split(NAMES[::-1], sizes, 0, 0) == first
    assert seeded_split(NAMES, sizes, 1, 0) != first
    assert seeded_split(NAMES, sizes, 0, 1) != first


def test_rule_by_hand():
    """The parts are consecutive pieces of NumPy's permutation of the sorted names."""
    order = np.random.default_rng([4, 2]).permutation(20)
    parts = seeded_split(NAMES, {"a": 3, "b": -1}, 4, 2)
    assert parts["a"] == sorted(NAMES[i] for i in order[:3])


def test_every_file_is_drawn_about_equally_often():
    drawn = [seeded_split(NAMES, {"a": 5, "b": -1}, s, 0)["a"] for s in range(400)]
    counts = [sum(n in d for d in drawn) for n in NAMES]
    assert min(counts) > 60 and max(counts) < 145  # 100 expected, deviation 8.7


def test_too_few_files():
    with pytest.raises(ValueError, match=r"Class 7 has 20 files, .*'train': 25.*000\.jpg"):
        seeded_split(NAMES, {"train": 25}, 0, 7)


def test_file_round_trip(tmp_path):
    splits = {"train": ["a/1.jpg", 'odd, "name".jpg'], "validation": [], "test": ["ü.jpg"]}
    write_splits(tmp_path / "s.csv", splits)
    assert read_splits(tmp_path / "s.csv") == {
        name: split for split, names in splits.items() for name in names
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", r"must have the columns split and file_name.*\['a', 'b'\]"),
        ("", "must have the columns"),
        ("split,file_name\nval,1.jpg\n", r"line 2: `split` must be one of.*'val'"),
        ("split,file_name\ntrain,1.jpg\ntest,1.jpg\n", r"line 3: '1\.jpg' is named twice"),
    ],
)
def test_damaged_file(tmp_path, text, message):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_splits(tmp_path / "s.csv")
