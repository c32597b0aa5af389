"""The figures that a report draws itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from keras_haframe import plots
from keras_haframe.metrics import HEADLINE
from keras_haframe.plots.style import COLORS
from keras_haframe.results.contents import Folder
from keras_haframe.results.figure import Figure, to_png
from keras_haframe.results.score_figures import confidence_figures, mistake_figures
from keras_haframe.results.table import by_method

COLLAPSE = re.compile(r"(train|test|validation)_(nc\d(?:_etf)?)")
MEANING = {
    "nc1": "How far the features of a class scatter around their mean, against how far the class "
    "means lie apart.",
    "nc2": "How far the angles and lengths of the class means are from those of {target}.",
    "nc3": "How far the classifier lies to the class means otherwise than in {target}.",
    "nc4": "Share of the images whose prediction is not the class of the nearest mean.",
}
MOST_CLASSES = 2000  # of a tree that is drawn
LOGGED = {"loss": "loss", **{h.name: h.label.replace("%", "accuracy") for h in HEADLINE[:2]}}


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
    if found.tree is not None and found.tree.num_classes <= MOST_CLASSES:
        yield Figure(
            "Classes",
            "Class tree",
            f"{found.tree.num_classes:,} classes; two classes meet at the height of their LCA, "
            "which is their hierarchical distance.",
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
            "Mistake severity is the mean LCA height of the mistakes alone, in levels of the tree. "
            "Lower right is better: more images right, and the others less wrong. Bars are 95 % "
            "intervals over seeds, where there are several.",
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
            caption = "Full lines: training data, mean over the epoch while the weights change."
            if any(np.isfinite(h["validation_x"]).any() for h in group.values()):
                caption += " Dashed (hollow): validation data, after the epoch."
            yield Figure(
                "Training",
                title[0].upper() + title[1:] + note,
                caption,
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
            logged = {split for h in group.values() for split in _splits(h, measure)}
            other = [split for split in ("test", "validation") if split in logged][:1]
            ax = plots.plot_curves(group, measure, splits=("train", *other), log=measure == "nc1")
            target = "the simplex ETF" if measure.endswith("_etf") else "the target"
            caption = MEANING[measure[:3]].format(target=target) + " Zero at collapse."
            if "train" in logged:
                caption += " Full lines: training data."
            if other:
                caption += f" Dashed (hollow): {other[0]} data."
            yield Figure("Neural collapse", ax.get_title() + note, caption, to_png(ax))


def _splits(history: dict, measure: str) -> list[str]:
    """Return the data on which a measure was taken."""
    found = (match for match in map(COLLAPSE.fullmatch, history) if match and match[2] == measure)
    return [match[1] for match in found if np.isfinite(history[match[0]]).any()]
