"""An evaluation as HTML: its tables, and the figures that `haframe report` draws as well."""

from __future__ import annotations

from keras_haframe.evaluation import Evaluation
from keras_haframe.results.contents import TestScores
from keras_haframe.results.document import document, figure_grid
from keras_haframe.results.explorer import explorer
from keras_haframe.results.html import table, text
from keras_haframe.results.score_figures import confidence_figures, mistake_figures

SECTIONS = {
    "Decisions": "What the answer would be without training anything: the most probable class, "
    "the class of least expected distance (CRM), and the hierarchical ensemble (HiE). Severity and "
    "HierDist are in levels of the tree, lower is better.",
    "Levels of the tree": "Level 1 are the children of the root. Accuracy: the answer lies below "
    "the same node as the label. Rolled up: the most probable node of the level instead. ECE: how "
    "far confidence and accuracy are apart.",
    "Mistakes by LCA height": "How many levels up label and answer meet: 1 for siblings.",
    "Coarser answers": "Every answer rolled up to one level; or up to the first node whose "
    "probability reaches the floor. Right: the label, or a node above it. Coverage: how specific "
    "the answers are, from 0 (root) to 100 % (class).",
    "Most confused pairs": "Of the class: share of its examples. In common: the lowest node above "
    "both, at that LCA height.",
    "Classes, worst first": "Precision: how often the class is right where it is the answer.",
}
WORDS = ("answer", "in common", "most frequent wrong answer")  # columns that are no numbers
LETTERS = 24  # of the name in the legends of figures
SHOWN = 12  # rows of a long table that are open


def render(report: Evaluation) -> str:
    """Return the whole page."""
    name = report.name if len(report.name) <= LETTERS else f"{report.name[: LETTERS - 1]}…"
    data = TestScores(report.probabilities, report.labels, names=(name, "baseline"))
    found = sections(report)
    found["Mistakes by LCA height"] += figure_grid(mistake_figures(data, report.tree, 1))
    found["Coarser answers"] += figure_grid(confidence_figures(data, report.tree))
    found["Explore the tree"] = explorer(report)
    if report.notes:
        notes = "".join(f"<p>{text(note)}</p>" for note in report.notes)
        found["What was understood"] = notes
    _, _, line = report.title().partition(": ")
    return document(report.name, line, found)


def tables(report: Evaluation) -> str:
    """Return the tables alone, for notebooks."""
    titled = sections(report).items()
    body = "".join(f"<h4>{text(title)}</h4>{content}" for title, content in titled)
    return f"<div><p>{text(report.title())}</p>{body}</div>"


def sections(report: Evaluation) -> dict[str, str]:
    """Return the tables as HTML by title, each with how to read it."""
    found = {}
    for title, (head, body) in report.tables().items():
        if not body:
            continue
        words = [i for i, name in enumerate(head) if name in WORDS]
        head = [text(cell) for cell in head]
        cells = [[text(cell) for cell in row] for row in body]
        content = f'<p class="soft">{SECTIONS[title]}</p>' if SECTIONS[title] else ""
        content += table(head, cells[:SHOWN], words)
        if len(cells) > SHOWN:
            rest = table(head, cells[SHOWN:], words)
            content += f"<details><summary>{len(cells) - SHOWN} more</summary>{rest}</details>"
        found[title] = content
    return found
