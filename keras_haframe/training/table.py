"""Result tables: rows of metrics as Markdown and CSV."""

from __future__ import annotations

import csv
import os
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from keras_haframe.metrics import HEADLINE

COLUMNS = {h.name: (h.label, h.scale, h.digits) for h in HEADLINE}


def half_width(values: Sequence[float], ddof: int = 1) -> float:
    """Half-width of the 95 % confidence interval of a mean (Student's t).

    Args:
        values: One value per seed.
        ddof: 1 for the sample standard deviation; 0 for the figure that the HAFrame paper prints.

    Returns:
        `t(0.975, n - 1) std / sqrt(n)`; NaN for a single value.

    Example:

    >>> round(half_width([79.0, 80.0, 81.0, 80.0, 80.0]), 4)  # t = 2.7764 for five seeds
    0.878

    Reference: Liang and Davis, HAFrame (ICCV 2023), tables 1 and 2.
    """
    n = len(values)
    if n < 2:
        return float("nan")
    return float(stats.t.ppf(0.975, n - 1) * np.std(values, ddof=ddof) / np.sqrt(n))


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
    columns = [c for c in COLUMNS if any(c in run for runs in rows.values() for run in runs)]
    lines = [
        "| method | " + " | ".join(COLUMNS[c][0] for c in columns) + " | seeds |",
        "|---" * (len(columns) + 2) + "|",
    ]
    for name, runs in rows.items():
        cells = []
        for c in columns:
            _, scale, digits = COLUMNS[c]
            values = [scale * run[c] for run in runs if c in run]
            if not values:
                cells.append("-")
                continue
            spread = half_width(values, ddof)
            cell = f"{np.mean(values):.{digits}f}"
            cells.append(cell if np.isnan(spread) else f"{cell} ± {spread:.{digits}f}")
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {len(runs)} |")
    return "\n".join(lines)


def write_csv(rows: Sequence[Mapping], path) -> pathlib.Path:
    """Write dictionaries as CSV lines; columns in order of appearance, missing values empty.

    The file appears whole or not at all: lines go to a `.partial` file beside it first.

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
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    partial = path.with_name(path.name + ".partial")
    with open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    os.replace(partial, path)
    return path
