"""Measures over the epochs of training."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_haframe.files import reading
from keras_haframe.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = {
    "nc1": "NC1: within-class variability",
    "nc2": "NC2: class means to target",
    "nc2_etf": "NC2: class means to ETF",
    "nc3": "NC3: classifier to target",
    "nc3_etf": "NC3: classifier to ETF",
    "nc4": "NC4: network vs nearest mean",
}
SPLITS = {"train": "-", "test": "--", "validation": "--"}


def read_history(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Columns of a CSV file such as `keras.callbacks.CSVLogger` writes.

    Args:
        path: The file; its first line names the columns.

    Returns:
        Column name to float64 values, one per epoch. Cells that are not numbers are NaN.

    Raises:
        ValueError: If the file is no table, has no header or two columns of one name. The message
            names the file.
    """
    mend = "A run that goes on writes its own anew; of a finished one, remove the file."
    with reading(path, mend), open(path, newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    if not header or len(set(header)) != len(header):
        raise ValueError(f"{path} needs a first line of distinct column names. Received: {header}")
    return {name: np.array([_number(r, i) for r in rows]) for i, name in enumerate(header)}


def _number(row: list[str], column: int) -> float:
    try:
        return float(row[column])
    except (ValueError, IndexError):
        return float("nan")


def plot_curves(
    runs: Mapping[str, Mapping[str, Any]],
    measure: str = "nc1",
    *,
    splits: tuple[str, ...] = ("train", "test"),
    log: bool = True,
    title: str | None = None,
    ax: Axes | None = None,
    legend: bool = True,
) -> Axes:
    """Draw one measure over the epochs of several runs, test or validation data dashed.

    A single epoch is a dot, hollow where a line would be dashed.

    Args:
        runs: Run name to its history: `history.history` of `fit`, or `read_history` of a CSV file.
            Columns are `"{split}_{measure}"`; epochs with NaN (no measurement) are skipped. A
            column `epoch`, from 0, gives the place of each value; else they are consecutive.
        measure: Name of the measure, such as `"nc1"`, `"nc2_etf"` or `"nc4"`.
        splits: Which data to show, such as `"train"` and `"validation"`. Runs without a column are
            left out; one must have it.
        log: Logarithmic scale. Zeros, which it cannot show, are drawn at its lower edge.
        title: Title of the Axes; the measure's name by default.
        ax: Axes to draw on; new ones by default.
        legend: Whether to name the runs.

    Returns:
        The Axes. Epochs count from 1.

    Raises:
        ValueError: If no run has the measure, or there are more runs than colors.

    Example:

    ```python
    runs = {"ETF": read_history("nc_etf_dr.csv"), "HAFrame": read_history("nc_haframe.csv")}
    plot_curves(runs, "nc2")
    ```
    """
    style.check_count(runs, "runs")
    lines = []
    for (name, history), color in zip(runs.items(), style.COLORS):
        for split in splits:
            values = np.asarray(history.get(f"{split}_{measure}", ()), np.float64)
            shown = np.flatnonzero(np.isfinite(values))
            if shown.size:
                epochs = np.asarray(history.get("epoch", np.arange(len(values))), np.float64) + 1
                lines.append((name, split, color, epochs[shown], values[shown]))
    if not lines:
        known = sorted({key for history in runs.values() for key in history})
        raise ValueError(
            f"No run has a value of {[f'{s}_{measure}' for s in splits]}. Columns: {known}"
        )
    few = len(lines) <= 3  # the legend of more would cover the curves
    ax = style.axes(ax, (3.3, 2.5 if few else 2.6 + 0.07 * len(runs)))
    positive = np.concatenate([v[v > 0] for *_, v in lines])
    log = log and positive.size > 0
    floor = positive.min() / 2 if log else -np.inf
    named = set()
    for name, split, color, epochs, values in lines:
        ax.plot(
            epochs,
            np.maximum(values, floor),
            SPLITS.get(split, ":"),
            color=color,
            linewidth=1.2,
            marker="o" if len(values) == 1 else None,
            markersize=3,
            markerfacecolor="white" if SPLITS.get(split) == "--" else color,
            label=None if name in named else style.short(name),
        )
        named.add(name)
    if log:
        ax.set_yscale("log")
    elif measure.startswith("nc"):
        ax.set_ylim(bottom=0)  # collapse
    if len({epoch for *_, epochs, _ in lines for epoch in epochs}) == 1:
        ax.set_xticks(lines[0][3])  # a locator of whole numbers finds none in so short an axis
    else:
        locator: Any = ax.xaxis.get_major_locator()
        locator.set_params(integer=True)
    if legend:
        dashed = [s for s in splits if SPLITS.get(s) == "--" and s in {line[1] for line in lines}]
        place = style.legend if few else style.legend_below
        place(ax, title=f"runs (dashed: {dashed[0]})" if dashed else None)
    return style.tidy(ax, title or NAMES.get(measure, measure), "epoch", None)
