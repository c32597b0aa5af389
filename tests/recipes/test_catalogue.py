"""The drawn catalogue's recipe in seconds: rows, sizes and times in one table, nothing twice."""

import csv

import pytest

from tests.recipes import call


@pytest.mark.slow
def test_smoke_and_one_more_row(tmp_path):
    words = ("--smoke", "--output", tmp_path)
    first = call.recipe("catalogue", *words)
    assert "HAFrame, seed 0" in first and "| parameters | training s |" in first
    more = ("cross-entropy: cross_entropy hidden_units=null", "soft_labels beta=4 network=II")
    again = call.recipe("catalogue", *words, "--rows", *more)
    assert "cross-entropy, seed 0" not in again and "soft_labels beta=4 network=II, seed 0" in again
    with open(tmp_path / "results.csv", newline="") as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"cross-entropy", "HAFrame", more[1]}
    dense = 768 * 32 + 32 * 16 + 4 * (32 + 16)
    assert int(rows["cross-entropy"]["parameters"]) == dense + 17 * 64
    # The smallest type I neck: 16 features to 64, two batch normalizations, scale of the head.
    assert int(rows["HAFrame"]["parameters"]) > dense + 17 * 64
    table = (tmp_path / "results.md").read_text()
    assert table in again and more[1] in table and "HAFrame" not in table


@pytest.mark.slow
def test_learns_what_the_tree_says(tmp_path):
    """Far above chance on 64 classes, with the classes of a long tail."""
    call.recipe(
        "catalogue", "--config", "tiny", "--width", 32, "--epochs", 12, "--batch-size", 32,
        "--test-images", 256, "--output", tmp_path, "--rows", "a: cross_entropy hidden_units=null",
    )  # fmt: skip
    with open(tmp_path / "results.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["top1"]) > 0.3 and float(row["severity"]) < 4


def test_rows_as_they_are_written():
    row_of = call.module("catalogue").row_of
    assert row_of("x y: haframe gamma=2 hidden_units=K", 50) == (
        "x y", ("haframe", {"gamma": 2, "hidden_units": 50}),
    )  # fmt: skip
    assert row_of("etf_dr", 50) == ("etf_dr", ("etf_dr", {}))
    with pytest.raises(ValueError, match="name=value"):
        row_of("haframe gamma", 50)
    with pytest.raises(ValueError, match="gama"):
        call.recipe("catalogue", "--smoke", "--rows", "haframe gama=2")
