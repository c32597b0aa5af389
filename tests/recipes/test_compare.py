"""The comparison of methods, in seconds on drawn aircraft."""

import csv

import pytest

from keras_haframe import methods
from keras_haframe.results import write_report
from tests.recipes import call


@pytest.mark.slow
def test_two_methods_and_once_more(tmp_path):
    common = (
        "--dataset", "drawn_aircraft", "--smoke", "--epochs", 1,
        "--output", tmp_path, "--methods", "cross-entropy", "HAFrame", "--seeds", 1,
    )  # fmt: skip
    first = call.recipe("compare", *common)
    assert "HAFrame, seed 0" in first
    again = call.recipe("compare", *common)
    assert "HAFrame, seed 0" not in again  # nothing is trained twice
    with open(tmp_path / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(r["method"], r["decision"]) for r in rows} == {
        (m, d) for m in ("cross-entropy", "HAFrame") for d in ("", "CRM", "HiE")
    }
    text = (tmp_path / "results.md").read_text()
    assert text.count("| method |") == 3 and text in again
    assert (tmp_path / "results.png").stat().st_size > 5_000
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "Mistakes by LCA height" in page and "results" in page
    with pytest.raises(ValueError, match="network='II'; now it is network='I'"):
        call.recipe("compare", *common, "--network", "I")


def test_unknown_rows_are_listed():
    with pytest.raises(SystemExit, match="unknown method 'HAFrames'.*Hier-COS"):
        call.recipe("compare", "--methods", "HAFrames")


def test_every_method_is_a_row():
    """Also one that nobody put into the list."""
    rows = call.module("compare").ROWS
    assert {method for method, _ in rows.values()} == set(methods.names())
