"""The figures that a report draws itself."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from scipy.special import softmax

from keras_haframe import plots
from keras_haframe.metrics import HEADLINE
from keras_haframe.plots.style import COLORS
from keras_haframe.results.contents import Folder, TestScores
from keras_haframe.results.table import by_method
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.checks import SOFTMAX_TOLERANCE, are_distributions

DPI = 180
MATRIX = 1000  # nodes up to which a confusion matrix is drawn
COLLAPSE = re.compile(r"(train|test)_(nc\d(?:_etf)?)")
LOGGED = {"loss": "loss", **{h.name: h.label.replace("%", "accuracy") for h in HEADLINE[:2]}}


class Figure(NamedTuple):
    """A drawn figure: section of the page, title, how to read it, PNG bytes."""

    section: str
    title: str
    caption: str
    png: bytes


def to_png(ax: Axes) -> bytes:
    """PNG of the figure an Axes is in, which is closed."""
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.savefig(buffer, dpi=DPI, format="png", facecolor="white")
    plt.close(figure)
    return buffer.getvalue()


def draw_figures(found: Folder) -> Iterator[Figure]:
    """Draw all that a run has data for, in the order of the page.

    Args:
        found: What `read_folder` returned.

    Yields:
        `Figure`s.
    """
    yield from _results(found)
    yield from _training(found)
    yield from _collapse(found)
    if found.predictions is not None and found.tree is not None:
        seeds = len({row.get("seed") for row in found.results})
        yield from mistake_figures(found.predictions, found.tree, seeds)
        yield from confidence_figures(found.predictions, found.tree)
    if found.tree is not None:
        yield Figure(
            "Classes",
            "Class tree",
            f"{found.tree.num_classes} classes; two classes meet at the height of their LCA, which "
            "is their hierarchical distance.",
            to_png(plots.plot_dendrogram(found.tree)),
        )


def _results(found: Folder) -> Iterator[Figure]:
    rows = {
        name: [
            r for r in runs if np.isfinite([r.get("top1", np.nan), r.get("severity", np.nan)]).all()
        ]
        for name, runs in by_method(found.results).items()
    }
    rows = {name: runs for name, runs in rows.items() if runs}
    if len(rows) > 1:
        yield Figure(
            "Results",
            "Accuracy and severity",
            "Lower right is better. Bars are 95 % intervals over seeds, where there are several.",
            to_png(plots.plot_accuracy_severity(rows)),
        )


def _groups(histories: dict) -> Iterator[tuple[str, dict]]:
    """Group runs by name, few enough for a color each; a note for titles, and the group."""
    names = list(histories)
    size = len(COLORS) - 1
    starts = range(0, len(names), size)
    for i, start in enumerate(starts, start=1):
        note = f" ({i} of {len(starts)})" if len(starts) > 1 else ""
        yield note, {name: histories[name] for name in names[start : start + size]}


def _training(found: Folder) -> Iterator[Figure]:
    for column, title in LOGGED.items():
        curves = {
            name: {
                **({"epoch": h["epoch"]} if "epoch" in h else {}),
                "train_x": h[column],
                "validation_x": h.get(f"val_{column}", ()),
            }
            for name, h in found.histories.items()
            if column in h and np.isfinite(h[column]).any()
        }
        for note, group in _groups(curves):
            yield Figure(
                "Training",
                title[0].upper() + title[1:] + note,
                "By epoch; full lines: training data, dashed (hollow): validation data, where "
                "logged.",
                to_png(
                    plots.plot_curves(
                        group, "x", splits=("train", "validation"), log=False, title=title
                    )
                ),
            )


def _collapse(found: Folder) -> Iterator[Figure]:
    measures: dict[str, dict] = {}
    for name, history in found.histories.items():
        for column, values in history.items():
            match = COLLAPSE.fullmatch(column)
            if match and np.isfinite(values).any():
                measures.setdefault(match[2], {})[name] = history
    for measure in sorted(measures):
        for note, group in _groups(measures[measure]):
            ax = plots.plot_curves(group, measure, log=measure == "nc1")
            yield Figure(
                "Neural collapse",
                ax.get_title() + note,
                "Zero at collapse. Full lines: training data, dashed (hollow): test data.",
                to_png(ax),
            )


def mistake_figures(data: TestScores, tree: ClassTree, seeds: int) -> Iterator[Figure]:
    """Draw where mistakes fall: by LCA height, between nodes, the worst as images."""
    models, caption = {data.names[0]: data.scores}, ""
    if data.baseline is not None:
        models = {data.names[1]: data.baseline, **models}
        caption = f" Percentages over the bars: change against {data.names[1]}."
    if seeds > 1:
        caption += " One run each, that of the first seed."
    yield Figure(
        "Mistakes",
        "Mistakes by LCA height",
        "Further left is better: the label and the prediction have more in common." + caption,
        to_png(plots.plot_mistakes_by_height(data.labels, models, tree)),
    )
    for level in sorted({1, max(1, tree.height - 1)}, reverse=True):
        if len(np.unique(tree.paths[:, level])) > MATRIX:
            continue
        ax = plots.plot_confusion(data.labels, data.scores, tree, level)
        which = "children of the root" if level == 1 else "parents of the classes"
        caption = f"{data.names[0]}: rows sum to 100 %."
        yield Figure("Mistakes", f"Confusion: {which}", caption, to_png(ax))
    if data.images is not None and len(plots.worst_mistakes(data.labels, data.scores, tree)):
        ax = plots.plot_worst_mistakes(data.images, data.labels, data.scores, tree, columns=6)
        caption = f"{data.names[0]}: highest LCA first, then by how far the prediction led."
        yield Figure("Mistakes", "Worst mistakes", caption, to_png(ax))


def _probabilities(scores: np.ndarray) -> np.ndarray:
    scores = scores.astype(np.float64)
    return scores if are_distributions(scores, SOFTMAX_TOLERANCE) else softmax(scores, axis=1)


def confidence_figures(data: TestScores, tree: ClassTree) -> Iterator[Figure]:
    """Draw what a confidence floor gives, and how far confidence is right."""
    models = {data.names[0]: _probabilities(data.scores)}
    if data.baseline is not None:
        models = {data.names[1]: _probabilities(data.baseline), **models}
    yield Figure(
        "Confidence",
        "Operating curve",
        "Answers grow from classes (right) to the root (left) as the confidence floor rises; "
        "higher is better.",
        to_png(plots.plot_operating_curve(data.labels, models, tree)),
    )
    yield Figure(
        "Confidence",
        "Reliability by level",
        f"{data.names[0]}: below the diagonal the model is too sure of itself.",
        to_png(plots.plot_reliability(data.labels, models[data.names[0]], tree)),
    )
