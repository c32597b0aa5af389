"""The page itself: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import datetime
import pathlib
import struct
from collections.abc import Iterable, Mapping

from keras_haframe.files import PathLike, write_text
from keras_haframe.results import explorer
from keras_haframe.results.contents import Folder, TestScores, read_folder
from keras_haframe.results.figure import DPI, Figure
from keras_haframe.results.figures import draw_figures
from keras_haframe.results.html import CSS, every_run, results_table, settings_list, text
from keras_haframe.results.score_figures import to_probabilities
from keras_haframe.tree import ClassTree
from keras_haframe.version import __version__

# No other script and nothing from elsewhere, whatever the texts of a run contain.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    f"script-src 'sha256-{explorer.DIGEST}'"
)
TABLES = ("Levels of the tree", "Most confused pairs", "Classes, worst first")
LARGER = 1.5  # on a screen than in a paper's column
FULL = 600  # a picture of at least this many pixels across gets the whole width


def write_report(
    folder: PathLike, output: PathLike | None = None, title: str | None = None
) -> pathlib.Path:
    """Write the HTML page of a run or an experiment.

    Args:
        folder: The folder, see docs/report.md.
        output: File to write; `report.html` in the folder by default. It is written under a
            temporary name beside it and renamed, so that a reader never sees half a page.
        title: Title of the page; the folder's name by default.

    Returns:
        Path of the page.

    Raises:
        ValueError: If the folder does not hold what `read_folder` needs.

    Example:

    ```python
    write_report("runs/aircraft")   # runs/aircraft/report.html
    ```
    """
    folder = pathlib.Path(folder)
    output = folder / "report.html" if output is None else pathlib.Path(output)
    html = render(read_folder(folder), title or folder.resolve().name)
    write_text(output, html)
    return output


def render(found: Folder, title: str) -> str:
    """Return the page of a folder as HTML.

    Args:
        found: What `read_folder` returned.
        title: Title of the page.

    Returns:
        A whole HTML document.
    """
    drawn: dict[str, list[str]] = {}
    for figure in draw_figures(found):
        drawn.setdefault(figure.section, []).append(_figure(figure))
    files = [
        _figure(Figure("", path.stem.replace("_", " "), path.name, path.read_bytes(), drawn=False))
        for path in found.figures
    ]
    results = results_table(found.results) + (
        f"<details><summary>All columns: {_count(len(found.results), 'result')}</summary>"
        f"{every_run(found.results)}</details>"
    )
    sections = {"Results": results + _grid(drawn.pop("Results", []))}
    if found.settings:
        sections["Settings"] = settings_list(found.settings)
    tree = drawn.pop("Classes", [])
    sections |= {name: _grid(figures) for name, figures in drawn.items()}
    if found.predictions is not None and found.tree is not None:
        sections |= _evaluated(found.predictions, found.tree)
    if tree:
        sections["Class tree"] = _grid(tree)
    if files:
        sections["Figures of the run"] = _grid(files)
    if found.notes:
        sections["Notes"] = "".join(f"<p>{text(note)}</p>" for note in found.notes)
    return document(title, _subtitle(found), sections)


def _evaluated(data: TestScores, tree: ClassTree) -> dict[str, str]:
    """Sections on the classes and the tree, as `evaluate` has them."""
    from keras_haframe.evaluation import evaluate
    from keras_haframe.evaluation.page import sections

    p = to_probabilities(data.scores)
    report = evaluate(data.labels, p, tree, kind="probabilities", name=data.names[0])
    of = f'<p class="soft">{text(data.in_words())}.</p>'
    found = {title: of + content for title, content in sections(report).items() if title in TABLES}
    found["Explore the tree"] = of + explorer.explorer(report)
    return found


def document(title: str, subtitle: str, sections: Mapping[str, str]) -> str:
    """Return a whole HTML document that needs nothing else.

    Args:
        title: Its title, as text.
        subtitle: A line below it, as text.
        sections: HTML by title, in order; the titles make the menu.
    """
    links = "".join(f'<a href="#s{i}">{text(name)}</a>' for i, name in enumerate(sections))
    body = "".join(
        f'<section id="s{i}"><h2>{text(name)}</h2>{content}</section>'
        for i, (name, content) in enumerate(sections.items())
    )
    script = f"<script>{explorer.SCRIPT}</script>" if explorer.ID in body else ""
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{text(title)}</title><style>{CSS}</style></head><body>"
        f'<header><h1>{text(title)}</h1><p class="soft">{text(subtitle)}</p>'
        f"<nav>{links}</nav></header><main>{body}</main>"
        f"<footer>keras_haframe {text(__version__)}, {when}</footer>"
        f"{script}</body></html>\n"
    )


def _subtitle(found: Folder) -> str:
    runs = {(row["method"], row.get("seed")) for row in found.results}
    parts = [_count(len({method for method, _ in runs}), "method"), _count(len(runs), "run")]
    if found.tree is not None:
        parts.append(f"{found.tree.num_classes:,} classes, tree of height {found.tree.height}")
    if found.predictions is not None:
        parts.append(found.predictions.images_in_words())
    return " · ".join(parts)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def figure_grid(figures: Iterable[Figure]) -> str:
    """Return figures side by side as HTML."""
    return _grid([_figure(figure) for figure in figures])


def _grid(figures: list[str]) -> str:
    return f'<div class="figures">{"".join(figures)}</div>' if figures else ""


def _figure(figure: Figure) -> str:
    """Return a figure with its size, so that the page does not jump, and its title as text."""
    width, height = struct.unpack(">II", figure.png[16:24])
    kinds = ["full"] * (width >= FULL) + ["drawn"] * figure.drawn
    kind = f' class="{" ".join(kinds)}"' if kinds else ""
    # Drawn figures are shown in the size they are drawn for, at 96 pixels per inch of a screen.
    shown = round(width * 96 / DPI * LARGER) if figure.section else width
    data = base64.b64encode(figure.png).decode("ascii")
    title, caption = text(figure.title), text(figure.caption)
    image = (
        f'<img alt="{title}. {caption}" width="{min(shown, width)}" '
        f'style="aspect-ratio: {width} / {height}" src="data:image/png;base64,{data}">'
    )
    return (
        f"<figure{kind}><figcaption><h3>{title}</h3>{caption}</figcaption>"
        f'<div class="pan" tabindex="0">{image}</div></figure>'
    )
