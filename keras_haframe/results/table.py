"""Result tables: the cells once, then Markdown, HTML (`results.html`) or CSV."""

from __future__ import annotations

import csv
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_haframe.files import PathLike, whole
from keras_haframe.metrics import HEADLINE, ORDERING, half_width
from keras_haframe.text_table import visible


class Cell(NamedTuple):
    """Mean over runs and 95 % half-width as text; empty where there is none."""

    mean: str
    spread: str = ""

    def __str__(self) -> str:
        return f"{self.mean} ± {self.spread}" if self.spread else self.mean or "-"


def cells(
    rows: Mapping[str, Sequence[Mapping[str, float]]], ddof: int = 1
) -> tuple[list[str], list[list[str | Cell]]]:
    """Head and body of the table of headline metrics, one line per method.

    Args:
        rows: Method name to one metrics dictionary per seed (see `metrics.summary`).
        ddof: See `half_width`.

    Returns:
        Names of the columns; for every method its name, a `Cell` per metric that any run has, and
        the number of runs.
    """
    every = [run for runs in rows.values() for run in runs]
    shown = [h for h in (*HEADLINE, *ORDERING) if any(h.name in run for run in every)]
    body: list[list[str | Cell]] = []
    for name, runs in rows.items():
        line: list[str | Cell] = [name]
        for h in shown:
            values = [h.scale * run[h.name] for run in runs if np.isfinite(run.get(h.name, np.nan))]
            spread = half_width(values, ddof)
            mean = f"{np.mean(values):.{h.digits}f}" if values else ""
            line.append(Cell(mean, "" if np.isnan(spread) else f"{spread:.{h.digits}f}"))
        body.append([*line, str(len(runs))])
    return ["method", *(h.label for h in shown), "seeds"], body


def lines(head: Sequence[str], body: Sequence[Sequence]) -> str:
    """Return a Markdown table of any cells; floats get three significant digits."""

    def row(values: Sequence) -> str:
        shown = (f"{v:.3g}" if isinstance(v, float) else _cell(v) for v in values)
        return "| " + " | ".join(shown) + " |"

    return "\n".join([row(head), "|---" * len(head) + "|", *map(row, body)])


def _cell(value: object) -> str:
    """Text of a cell: no name begins another cell, or an element of HTML."""
    return visible(value).replace("|", r"\|").replace("<", "&lt;")


def markdown(rows: Mapping[str, Sequence[Mapping[str, float]]], ddof: int = 1) -> str:
    """Markdown table with one line per method: mean and 95 % half-width over seeds.

    Args:
        rows: Method name to one metrics dictionary per seed (see `metrics.summary`).
        ddof: See `half_width`.

    Returns:
        The table as text; a method that lacks a column gets a dash there.

    Example:

    >>> print(markdown({"HAFrame": [{"top1": 0.805, "severity": 2.02}]}))
    | method | top-1 % | severity | seeds |
    |---|---|---|---|
    | HAFrame | 80.50 | 2.020 | 1 |
    """
    return lines(*cells(rows, ddof))


def by_method(results: Sequence[Mapping[str, Any]], rule: str | None = None) -> dict:
    """Results by method, as the tables and plots take them.

    Args:
        results: One dictionary per run and decision rule, numbers or text: lines of results.csv.
        rule: Only this decision rule (`""` for none); `None` for all, each as a row of its own.

    Returns:
        Row name, with the rule where there is one, to a list of its metrics; cells that are no
        numbers are left out.

    Example:

    >>> by_method([{"method": "HAFrame", "seed": "0", "top1": "0.5", "note": "x"}])
    {'HAFrame': [{'top1': 0.5}]}
    """
    rows: dict[str, list[dict[str, float]]] = {}
    for result in results:
        decision = str(result.get("decision") or "")
        if rule is not None and decision != rule:
            continue
        name = f"{result['method']} + {decision}" if decision else str(result["method"])
        numbers = {}
        for key, value in result.items():
            if key in ("method", "decision", "seed"):
                continue
            try:
                numbers[key] = float(value)
            except (TypeError, ValueError):
                pass
        rows.setdefault(name, []).append(numbers)
    return rows


def write_csv(rows: Sequence[Mapping], path: PathLike) -> pathlib.Path:
    """Write dictionaries as CSV lines; columns in order of appearance, missing values empty.

    The file appears whole or not at all.

    Args:
        rows: One dictionary per line.
        path: File to write; missing folders are made.

    Returns:
        The path.

    Example:

    ```python
    table.write_csv([{"method": "haframe", "seed": 0, "top1": 0.8}], "runs/results.csv")
    ```
    """
    path = pathlib.Path(path)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with whole(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path
