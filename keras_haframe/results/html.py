"""Tables of a report as HTML, where all text is escaped, and the style sheet."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence

from keras_haframe.metrics import HEADLINE, ORDERING
from keras_haframe.results.table import Cell, by_method, cells
from keras_haframe.text_table import LINES, visible


def text(value: object) -> str:
    """`value` as HTML text, quotes included, so that it is safe in attributes as well."""
    return html.escape(visible(value, keep=LINES), quote=True)


def table(header: Sequence[str], body: Sequence[Sequence[str]], words: Sequence[int] = ()) -> str:
    """HTML table of cells that are escaped already; the first column names the rows.

    Args:
        header: Names of the columns.
        body: Rows.
        words: Columns of words, which stand to the left; numbers stand to the right.
    """
    left = [' class="words"' if i in words else "" for i in range(len(header))]
    head = "".join(f'<th scope="col"{side}>{cell}</th>' for cell, side in zip(header, left))
    lines = []
    for first, *rest in body:
        cells = "".join(f"<td{side}>{cell}</td>" for cell, side in zip(rest, left[1:]))
        lines.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    return (
        f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def results_table(results: Sequence[Mapping[str, str]]) -> str:
    """Methods by headline metrics: mean and 95 % half-width over seeds.

    Args:
        results: Rows of results as text.

    Returns:
        HTML.
    """

    def cell(value: object) -> str:
        if not isinstance(value, Cell):
            return text(value)
        spread = f" <small>± {value.spread}</small>" if value.spread else ""
        return (value.mean or "–") + spread

    head, body = cells(by_method(results))
    shown = table([text(name) for name in head], [[cell(v) for v in line] for line in body])
    meanings = [
        f"<strong>{text(h.label)}</strong>: {text(h.meaning)}"
        for h in (*HEADLINE, *ORDERING)
        if h.label in head
    ]
    spread = "± is the 95 % half-width over seeds." if "±" in shown else ""
    return f'{shown}<p class="soft">{". ".join([*meanings, spread])}</p>' if meanings else shown


def every_run(results: Sequence[Mapping[str, str]]) -> str:
    """All rows and columns of the results, numbers to four digits.

    Args:
        results: Rows of results as text.

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
    return table([text(c) for c in columns], body)


def settings_list(settings: Mapping) -> str:
    """Names and values of settings.json, nested values as JSON.

    Args:
        settings: Content of settings.json.

    Returns:
        HTML.
    """
    items = []
    for name, value in settings.items():
        shown = value if value and isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        items.append(f"<div><dt>{text(name)}</dt><dd>{text(shown)}</dd></div>")
    return f"<dl>{''.join(items)}</dl>"


# Light and dark, desktop and phone.
CSS = """
:root { color-scheme: light dark; --ink: #1d2329; --soft: #5a6570; --page: #f6f7f8;
  --card: #fff; --line: #d9dee3; --link: #0059a3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --soft: #9aa5b0; --page: #14181c;
  --card: #1d2328; --line: #343c44; --link: #7cbcf5; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
header, main, footer { max-width: 70rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: 1rem; margin: 0; }
p { margin: .4rem 0; }
small, .soft, figcaption, footer { color: var(--soft); }
a { color: var(--link); }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin-top: 1rem; padding: .6rem 0;
  border-block: 1px solid var(--line); }
nav a { text-decoration: none; padding: .2rem 0; }
nav a:hover, nav a:focus { text-decoration: underline; }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px;
  background: var(--card); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .6rem; text-align: right; white-space: nowrap; }
thead th { font-weight: 600; font-size: .85rem; color: var(--soft);
  border-bottom: 1px solid var(--line); }
tbody tr + tr > * { border-top: 1px solid var(--line); }
th:first-child, .words { text-align: left; }
tbody th { font-weight: 600; white-space: normal; min-width: 8rem; position: sticky; left: 0;
  background: var(--card); }
details { margin: .75rem 0; }
summary { cursor: pointer; padding: .3rem 0; color: var(--link); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr));
  gap: 0 1.5rem; margin: 0; padding: .3rem .8rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 8px; }
dl div { padding: .35rem 0; }
dt { font-size: .85rem; color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.wide + .figures { margin-top: 1rem; }
.figures { display: grid; gap: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 27rem), 1fr)); }
figure { margin: 0; padding: .9rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; min-width: 0; }
figure.full { grid-column: 1 / -1; }
figure img { display: block; max-width: 100%; height: auto; margin: .6rem auto 0;
  background: #fff; border-radius: 4px; }
@media (prefers-color-scheme: dark) {  /* white to the card's gray; hues stay */
  .drawn img { filter: invert(.88) hue-rotate(180deg); } }
figcaption { font-size: .9rem; }
figcaption h3 { color: var(--ink); overflow-wrap: anywhere; }
#explorer input[type=range] { width: min(100%, 30rem); vertical-align: middle;
  accent-color: var(--link); }
#explorer input[type=search] { font: inherit; width: min(100%, 20rem); padding: .3rem .5rem; }
#explorer-said { font-weight: 600; min-height: 3em; }
.node { margin: 0; padding-left: .9rem; border-left: 1px solid var(--line); }
.node > summary { display: flex; flex-wrap: wrap; gap: 0 .7rem; align-items: baseline;
  color: var(--ink); }
.node > summary::before { content: "+"; width: .7rem; color: var(--link); }
.node[open] > summary::before { content: "–"; }
.name { overflow-wrap: anywhere; }
.bar { width: 5rem; height: .6rem; background: var(--line); border-radius: 3px;
  overflow: hidden; }
.bar span { display: block; height: 100%; background: var(--link); }
.value { font-variant-numeric: tabular-nums; }
.worst { margin: .2rem 0 .6rem; padding-left: 1.1rem; font-size: .9rem; overflow-wrap: anywhere; }
.more { font: inherit; font-size: .9rem; color: var(--link); background: none; border: 0;
  padding: .3rem 0; cursor: pointer; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
footer { padding-block: 2.5rem; font-size: .9rem; }
@media (max-width: 30rem) { header, main, footer { padding-inline: .8rem; }
  figure { padding: .6rem; } .full .pan { overflow-x: auto; }
  .full img { max-width: none; width: 44rem; } th, td { padding: .4rem .6rem; } }
@media print { nav { display: none; } figure { break-inside: avoid; } }
"""
