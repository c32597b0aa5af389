import csv
import math
import os

import numpy as np
import pytest

from keras_haframe import files
from keras_haframe.results.table import by_method, half_width, lines, markdown, write_csv

FIVE = [79.0, 80.0, 81.0, 80.0, 80.0]  # mean 80, squared deviations sum to 2


# Half-width ---------------------------------------------------------------------------------------


def test_half_width_by_hand():
    t = 2.7764451  # Student's t at 97.5 % with four degrees of freedom, from a printed table
    assert half_width(FIVE) == pytest.approx(t * math.sqrt(2 / 4) / math.sqrt(5), rel=1e-6)
    assert half_width(FIVE, ddof=0) == pytest.approx(t * math.sqrt(2 / 5) / math.sqrt(5), rel=1e-6)


@pytest.mark.parametrize("n, t", [(2, 12.706205), (3, 4.3026527), (10, 2.2621572)])
def test_t_of_the_number_of_seeds(n, t):
    values = np.random.default_rng(n).normal(size=n)
    spread = math.sqrt(sum((v - values.mean()) ** 2 for v in values) / (n - 1))
    assert half_width(values.tolist()) == pytest.approx(t * spread / math.sqrt(n), rel=1e-6)


def test_covers_the_mean_in_95_of_100_samples():
    draws = np.random.default_rng(0).normal(3.0, 2.0, size=(2000, 5))
    inside = [abs(row.mean() - 3.0) < half_width(row) for row in draws]
    assert abs(np.mean(inside) - 0.95) < 0.015  # three standard errors
    narrow = [abs(row.mean() - 3.0) < half_width(row, ddof=0) for row in draws]
    assert np.mean(narrow) < 0.94  # the papers' figure claims more than it holds


def test_no_spread():
    assert half_width([0.5, 0.5, 0.5]) == 0.0
    assert math.isnan(half_width([0.5])) and math.isnan(half_width([]))
    assert math.isnan(half_width([0.5, math.nan]))


# Markdown -----------------------------------------------------------------------------------------


def run(top1, severity=2.0, **more):
    return {"top1": top1, "severity": severity, "hier_dist_1": (1 - top1) * severity, **more}


def cells(text):
    return [[c.strip() for c in line.strip("|").split("|")] for line in text.splitlines()]


def test_one_seed_has_no_spread():
    lines = cells(markdown({"CE": [run(0.6187, 1.698)]}))
    assert lines[0] == ["method", "top-1 %", "severity", "HierDist@1", "seeds"]
    assert set(lines[1]) == {"---"} and len(lines[1]) == 5
    assert lines[2] == ["CE", "61.87", "1.698", "0.647", "1"]


def test_mean_and_half_width_over_seeds():
    runs = [run(v / 100) for v in FIVE]
    lines = cells(markdown({"CE": runs, "HAFrame": runs[:1]}))
    assert lines[2][:2] == ["CE", f"80.00 ± {half_width(FIVE):.2f}"]
    assert lines[2][2] == "2.000 ± 0.000" and lines[2][-1] == "5"
    assert lines[3] == ["HAFrame", "79.00", "2.000", "0.420", "1"]
    papers = cells(markdown({"CE": runs}, ddof=0))
    assert papers[2][1] == f"80.00 ± {half_width(FIVE, 0):.2f}" != lines[2][1]


def test_columns_in_the_papers_order_whatever_the_order_given():
    given = {"hier_dist_20": 2.45, "mistakes": 7, "top1": 0.8, "hier_dist_5": 1.74, "seed": 3}
    lines = cells(markdown({"x": [given]}))
    assert lines[0] == ["method", "top-1 %", "HierDist@5", "HierDist@20", "seeds"]
    assert lines[2] == ["x", "80.00", "1.740", "2.450", "1"]


def test_a_method_without_a_column_gets_a_dash():
    lines = cells(markdown({"a": [run(0.5, hier_dist_5=1.0)], "b": [run(0.5)]}))
    assert lines[2][4] == "1.000" and lines[3][4] == "-"
    assert all(len(line) == len(lines[0]) for line in lines)


def test_no_mistakes_have_no_severity():
    assert cells(markdown({"a": [run(1.0, math.nan)]}))[2][2] == "-"


def test_any_cells_as_lines():
    assert lines(["a", "b"], [["x", 0.12345], ["y", 3]]).splitlines() == [
        "| a | b |", "|---|---|", "| x | 0.123 |", "| y | 3 |"
    ]  # fmt: skip


def test_results_by_method_and_rule():
    results = [
        {"method": m, "decision": d, "seed": s, "top1": 0.5}
        for m in ("a", "b") for d in ("", "CRM") for s in (0, 1)
    ]  # fmt: skip
    assert list(by_method(results, "")) == ["a", "b"]
    assert list(by_method(results, "CRM")) == ["a + CRM", "b + CRM"]
    assert list(by_method(results)) == ["a", "a + CRM", "b", "b + CRM"]
    assert by_method(results, "")["a"] == [{"top1": 0.5}, {"top1": 0.5}]


# CSV ----------------------------------------------------------------------------------------------


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_csv_columns_in_order_of_appearance(tmp_path):
    rows = [{"method": "CE", "top1": 0.5}, {"method": "HAFrame, ours", "seed": 1, "top1": 0.25}]
    path = write_csv(rows, str(tmp_path / "new" / "folder" / "r.csv"))
    assert path == tmp_path / "new" / "folder" / "r.csv"
    assert path.read_text().splitlines()[0] == "method,top1,seed"
    assert read(path) == [
        {"method": "CE", "top1": "0.5", "seed": ""},
        {"method": "HAFrame, ours", "top1": "0.25", "seed": "1"},
    ]


def test_csv_keeps_every_digit(tmp_path):
    value = 0.1 + 0.2
    (row,) = read(write_csv([{"x": value}], tmp_path / "r.csv"))
    assert float(row["x"]) == value


def test_csv_is_written_beside_and_renamed(tmp_path, monkeypatch):
    path = tmp_path / "r.csv"
    write_csv([{"x": 1}], path)
    renamed, replace = [], os.replace

    def look(source, target):
        renamed.append(os.fspath(target))
        assert read(source) == [{"x": "2"}] and read(path) == [{"x": "1"}]  # whole, then in place
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", look)
    write_csv([{"x": 2}], path)
    assert renamed == [str(path)]
    assert read(path) == [{"x": "2"}] and os.listdir(tmp_path) == ["r.csv"]


def test_csv_that_fails_leaves_the_old_file(tmp_path):
    class Bad:
        def __str__(self):
            raise RuntimeError("no text")

    path = write_csv([{"x": 1}], tmp_path / "r.csv")
    with pytest.raises(RuntimeError, match="no text"):
        write_csv([{"x": 2}, {"x": Bad()}], path)
    assert read(path) == [{"x": "1"}]
