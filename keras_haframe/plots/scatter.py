"""Accuracy against the severity of the mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_haframe.metrics import HEADLINE, half_width
from keras_haframe.plots import style

_KNOWN = {h.name: h for h in HEADLINE}

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_accuracy_severity(
    rows: Mapping[str, Sequence[Mapping[str, float]]],
    *,
    x: str = "top1",
    y: str = "severity",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Scatter the methods by top-1 and mistake severity, mean and 95 % interval over seeds.

    Lower right is better: more images right, and the others less wrong. Severity alone would reward
    a method that adds near misses.

    Args:
        rows: Method name to one metrics dictionary per seed (see `metrics.summary`), as
            `results.table.markdown` takes them.
        x: Name of the metric across.
        y: Name of the metric upwards.
        title: Title of the Axes.
        ax: Axes to draw on; new ones by default.

    Returns:
        The Axes. Methods with one seed have no error bars.

    Raises:
        ValueError: If there is no method, one has no run, or a run lacks a metric.

    Example:

    ```python
    rows = {"HAFrame": [metrics.summary(labels, scores, tree) for scores in scores_by_seed]}
    plot_accuracy_severity(rows)
    ```
    """
    if not rows:
        raise ValueError("`rows` must hold at least one method. Received: none")
    for name, runs in rows.items():
        if not runs or not all(x in run and y in run for run in runs):
            have = sorted(runs[0]) if runs else "no run"
            raise ValueError(
                f"Every run of `rows[{name!r}]` needs the metrics {x!r} and {y!r}. Received: {have}"
            )
    ax = style.axes(ax, (3.3, 2.4 + 0.06 * len(rows)))
    for i, (name, runs) in enumerate(rows.items()):
        (px, ex), (py, ey) = (_mean(runs, metric) for metric in (x, y))
        ax.errorbar(
            px,
            py,
            xerr=ex,
            yerr=ey,
            fmt=style.MARKERS[i % len(style.MARKERS)],
            color=style.COLORS[i % len(style.COLORS)],
            # beyond the palette: hollow markers
            markerfacecolor=None if i < len(style.COLORS) else "white",
            markersize=4.5,
            elinewidth=0.8,
            capsize=2,
            label=style.short(name),
        )
    ax.margins(0.12)
    style.legend_below(ax)
    labels = [_KNOWN[metric].label if metric in _KNOWN else metric for metric in (x, y)]
    labels[1] = "mistake severity (levels)" if y == "severity" else labels[1]
    return style.tidy(ax, title, *labels)


def _mean(runs: Sequence[Mapping[str, float]], metric: str) -> tuple[float, float | None]:
    """Mean over seeds in the table's unit, and the half-width of its interval, if it has one."""
    scale = _KNOWN[metric].scale if metric in _KNOWN else 1.0
    values = [scale * float(run[metric]) for run in runs]
    spread = half_width(values)
    return float(np.mean(values)), None if np.isnan(spread) else spread
