"""The page of a run's folder: all that there is to see of it."""

from __future__ import annotations

import pathlib

from keras_haframe.evaluation import evaluate
from keras_haframe.files import PathLike, write_text
from keras_haframe.results.contents import Folder, TestScores, read_folder
from keras_haframe.results.document import document, figure_grid
from keras_haframe.results.evaluation_page import sections
from keras_haframe.results.explorer import explorer
from keras_haframe.results.figure import Figure
from keras_haframe.results.figures import draw_figures
from keras_haframe.results.html import every_run, results_table, settings_list, text
from keras_haframe.results.made_with import readable
from keras_haframe.results.score_figures import to_probabilities
from keras_haframe.tree import ClassTree

TABLES = ("Levels of the tree", "Most confused pairs", "Classes, worst first")


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
    drawn: dict[str, list[Figure]] = {}
    for figure in draw_figures(found):
        drawn.setdefault(figure.section, []).append(figure)
    files = [
        Figure("", path.stem.replace("_", " "), path.name, path.read_bytes(), drawn=False)
        for path in found.figures
    ]
    results = results_table(found.results) + (
        f"<details><summary>All columns: {_count(len(found.results), 'result')}</summary>"
        f"{every_run(found.results)}</details>"
    )
    sections = {"Results": results + figure_grid(drawn.pop("Results", []))}
    if found.settings:
        sections["Settings"] = settings_list(readable(found.settings))
    tree = drawn.pop("Classes", [])
    sections |= {name: figure_grid(figures) for name, figures in drawn.items()}
    if found.predictions is not None and found.tree is not None:
        sections |= _evaluated(found.predictions, found.tree)
    if tree:
        sections["Class tree"] = figure_grid(tree)
    if files:
        sections["Figures of the run"] = figure_grid(files)
    if found.notes:
        sections["Notes"] = "".join(f"<p>{text(note)}</p>" for note in found.notes)
    return document(title, _subtitle(found), sections)


def _evaluated(data: TestScores, tree: ClassTree) -> dict[str, str]:
    """Sections on the classes and the tree, as `evaluate` has them."""
    p = to_probabilities(data.scores)
    report = evaluate(data.labels, p, tree, kind="probabilities", name=data.names[0])
    of = f'<p class="soft">{text(data.in_words())}.</p>'
    found = {title: of + content for title, content in sections(report).items() if title in TABLES}
    found["Explore the tree"] = of + explorer(report)
    return found


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
