"""Tables of a report as HTML. All text is escaped here."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence

import numpy as np

from keras_haframe.training.table import COLUMNS, half_width


def text(value) -> str:
    """`value` as HTML text, quotes included, so that it is safe in attributes as well."""
    return html.escape(str(value), quote=True)


def metric_rows(results: Sequence[Mapping[str, str]]) -> dict[str, list[dict[str, float]]]:
    """Method name to one dictionary of numbers per run; cells that are not numbers are left out.

    Args:
        results: Rows of results.csv as text.

    Returns:
        As `training.table.markdown` and `plots.plot_accuracy_severity` take them.

    Example:

    >>> metric_rows([{"method": "HAFrame", "seed": "0", "top1": "0.5", "note": "x"}])
    {'HAFrame': [{'top1': 0.5}]}
    """
    rows: dict[str, list[dict[str, float]]] = {}
    for result in results:
        numbers = {}
        for name, cell in result.items():
            if name in ("method", "seed"):
                continue
            try:
                numbers[name] = float(cell)
            except ValueError:
                pass
        rows.setdefault(result["method"], []).append(numbers)
    return rows


def _table(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """HTML table of cells that are escaped already; the first column names the rows."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    lines = [
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
        for first, *rest in body
    ]
    return (
        f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def results_table(results: Sequence[Mapping[str, str]]) -> str:
    """Methods by headline metrics: mean and 95 % half-width over seeds.

    Args:
        results: Rows of results.csv as text.

    Returns:
        HTML.
    """
    rows = metric_rows(results)
    found = {name for runs in rows.values() for run in runs for name in run}
    columns = [c for c in COLUMNS if c in found]
    body = []
    for name, runs in rows.items():
        cells = [text(name)]
        for column in columns:
            _, scale, digits = COLUMNS[column]
            values = [scale * run[column] for run in runs if np.isfinite(run.get(column, np.nan))]
            spread = half_width(values)
            cell = f"{np.mean(values):.{digits}f}" if values else "–"
            if not np.isnan(spread):
                cell += f" <small>± {spread:.{digits}f}</small>"
            cells.append(cell)
        body.append([*cells, str(len(runs))])
    return _table(["method", *(text(COLUMNS[c][0]) for c in columns), "runs"], body)


def every_run(results: Sequence[Mapping[str, str]]) -> str:
    """All rows and columns of results.csv, numbers to four digits.

    Args:
        results: Rows of results.csv as text.

    Returns:
        HTML.
    """
    columns = ["method", *(c for c in results[0] if c != "method")]

    def cell(value: str) -> str:
        try:
            return f"{float(value):.4g}"
        except ValueError:
            return text(value)

    body = [[text(row["method"]), *(cell(row[c]) for c in columns[1:])] for row in results]
    return _table([text(c) for c in columns], body)


def settings_list(settings: Mapping) -> str:
    """Names and values of settings.json, nested values as JSON.

    Args:
        settings: Content of settings.json.

    Returns:
        HTML.
    """
    items = []
    for name, value in settings.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        items.append(f"<div><dt>{text(name)}</dt><dd>{text(shown)}</dd></div>")
    return f"<dl>{''.join(items)}</dl>"
