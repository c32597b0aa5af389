"""The comparison of methods, in seconds on drawn aircraft."""

import csv
import os
import pathlib
import subprocess
import sys

import keras
import pytest

pytest.importorskip("tensorflow", reason="recipes read their data with TensorFlow Datasets")
if keras.backend.backend() != "tensorflow":
    pytest.skip("the recipe reads its data with TensorFlow", allow_module_level=True)

ROOT = pathlib.Path(__file__).parents[2]


def compare(*arguments):
    return subprocess.run(
        [sys.executable, "recipes/compare.py", "--dataset", "drawn_aircraft", *map(str, arguments)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=600,
    )  # fmt: skip


def test_two_methods_and_once_more(tmp_path):
    common = (
        "--smoke", "--epochs", 1, "--data-dir", tmp_path / "data", "--runs", tmp_path / "runs",
        "--output", tmp_path / "results", "--methods", "cross-entropy", "HAFrame",
    )  # fmt: skip
    first = compare(*common, "--seeds", 1)
    assert first.returncode == 0, first.stderr[-3000:]
    assert "drawn_aircraft: HAFrame, seed 0" in first.stdout
    again = compare(*common, "--seeds", 1)
    assert again.returncode == 0, again.stderr[-3000:]
    assert "seed 0" not in again.stdout  # nothing is trained twice
    with open(tmp_path / "results/drawn_aircraft.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(r["method"], r["decision"]) for r in rows} == {
        (m, d) for m in ("cross-entropy", "HAFrame") for d in ("", "CRM", "HiE")
    }
    text = (tmp_path / "results/drawn_aircraft.md").read_text()
    assert text.count("| method |") == 3 and text in again.stdout
    assert (tmp_path / "results/drawn_aircraft.png").stat().st_size > 5_000
    refused = compare(*common, "--seeds", 1, "--network", "I")
    assert refused.returncode == 1 and "network='II'; now it is network='I'" in refused.stderr


def test_unknown_rows_are_listed():
    done = compare("--methods", "HAFrames")
    assert done.returncode == 2 and "unknown method 'HAFrames'" in done.stderr
    assert "Hier-COS" in done.stderr
