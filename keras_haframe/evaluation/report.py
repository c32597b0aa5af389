"""The result of an evaluation: read by attributes, as text, JSON and HTML."""

from __future__ import annotations

import dataclasses
import math
import pathlib
from typing import Any

import numpy as np

from keras_haframe.files import PathLike, write_text
from keras_haframe.metrics import HEADLINE
from keras_haframe.metrics.operating_curve import OperatingCurve
from keras_haframe.text_table import LINES, aligned, visible
from keras_haframe.tree import ClassTree

Rows = list[dict[str, Any]]
CURVE = ("thresholds", "coverage", "correctness", "area")
# Heads of the tables: key of the row, what is shown, factor.
LEVELS = (
    ("level", "level", 1), ("nodes", "nodes", 1), ("accuracy", "accuracy %", 100),
    ("rolled_up_accuracy", "rolled up %", 100), ("confidence", "confidence %", 100),
    ("calibration_error", "ECE %", 100),
)  # fmt: skip
HEIGHTS = (("height", "LCA height", 1), ("mistakes", "mistakes", 1), ("share", "share %", 100))
COARSER = (
    ("answer", "answer", 1), ("right", "right %", 100), ("classes", "a class %", 100),
    ("root", "the root %", 100), ("coverage", "coverage %", 100),
)  # fmt: skip
CONFUSED = (
    ("class", "class", 1), ("answer", "answer", 1), ("times", "times", 1),
    ("share_of_class", "of the class %", 100), ("in_common", "in common", 1),
    ("height", "height", 1),
)  # fmt: skip
CLASSES = (
    ("class", "class", 1), ("examples", "examples", 1), ("accuracy", "accuracy %", 100),
    ("precision", "precision %", 100), ("wrong_answer", "most frequent wrong answer", 1),
    ("wrong_answers", "times", 1),
)  # fmt: skip


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Evaluation:
    """What `evaluate` finds. `print` shows a table; every row is a dictionary of plain values.

    Attributes:
        tree: The class tree.
        name: Name of the classifier.
        examples: Their number n.
        kind: `"logits"` or `"probabilities"`.
        notes: What was understood of the input, one sentence each.
        summary: As `metrics.summary`: `top1` (0 to 1), `severity`, `hier_dist_k`, `mistakes`.
        levels: Per level, 1 first: `level`, `nodes`, `accuracy` (the best class lies below the same
            node as the label), `rolled_up_accuracy` (of the most probable node),
            `confidence` (its mean probability), `calibration_error` (ECE).
        heights: Per LCA height: `height`, `mistakes`, `share` of all mistakes.
        classes: Per class: `class`, `examples`, `accuracy`, `precision`, `wrong_answer`,
            `wrong_answers` (how often); accuracy without examples is NaN.
        confused: Most frequent mistakes: `class`, `answer`, `times`, `share_of_class`,
            `in_common` (LCA), `height`.
        rules: Headline metrics under each decision rule, and `changed`, the share of answers that
            differ from the most probable class.
        coarser: Answers of one level for all, and under confidence floors: `answer`, `right` (the
            label or above it), `classes` and `root` (shares of answers), `coverage`.
        curve: `OperatingCurve` at thresholds 0, 0.005, ..., 1 and infinity.
        labels: int64 `[n]`.
        probabilities: `[n, K]`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> report = evaluate([0, 1], np.array([[4.0, 3, 2, 1], [4.0, 3, 2, 1]]), tree)
    >>> report.to_dict()["heights"][0]
    {'height': 1, 'mistakes': 1, 'share': 1.0}
    """

    tree: ClassTree
    name: str
    examples: int
    kind: str
    notes: tuple[str, ...]
    summary: dict[str, float]
    levels: Rows
    heights: Rows
    classes: Rows
    confused: Rows
    rules: Rows
    coarser: Rows
    curve: OperatingCurve
    labels: np.ndarray
    probabilities: np.ndarray

    def to_dict(self) -> dict[str, Any]:
        """All but labels and probabilities as JSON values.

        What is not a finite number, such as the severity of no mistake and the threshold that is
        infinity, is `None`: JSON has neither.
        """
        skipped = ("tree", "labels", "probabilities", "curve")
        fields = [f.name for f in dataclasses.fields(self) if f.name not in skipped]
        found = {name: getattr(self, name) for name in fields}
        tree = {"name": self.tree.name, "classes": self.tree.num_classes}
        tree["height"] = self.tree.height
        curve = {name: getattr(self.curve, name) for name in CURVE}
        return _plain({"tree": tree, **found, "curve": curve})

    def to_html(self, path: PathLike) -> pathlib.Path:
        """Write one self-contained page with tables and figures; return its path."""
        from keras_haframe.results.evaluation_page import render

        write_text(path, render(self))
        return pathlib.Path(path)

    def tables(self) -> dict[str, tuple[list[str], list[list[Any]]]]:
        """Head and rows of every table by title, as they are shown."""
        shown = [h for h in HEADLINE if h.name in self.summary]
        rules = (
            ("rule", "decision", 1), *((h.name, h.label, h.scale) for h in shown),
            ("changed", "changed %", 100),
        )  # fmt: skip
        seen = sorted(
            (row for row in self.classes if row["examples"]), key=lambda row: row["accuracy"]
        )
        return {
            "Decisions": _table(rules, self.rules, {h.label: h.digits for h in shown}),
            "Levels of the tree": _table(LEVELS, self.levels),
            "Mistakes by LCA height": _table(HEIGHTS, self.heights),
            "Coarser answers": _table(COARSER, self.coarser),
            "Most confused pairs": _table(CONFUSED, self.confused),
            "Classes, worst first": _table(CLASSES, seen),
        }

    def __str__(self) -> str:
        parts = [self.title(), *self.notes]
        for title, (head, body) in self.tables().items():
            if body:
                more = f"\n... and {len(body) - 10} more" if len(body) > 10 else ""
                parts.append(f"\n{title}\n{aligned(head, body[:10])}{more}")
        return visible("\n".join(parts), keep=LINES)

    def __repr__(self) -> str:
        top1, severity = self.summary["top1"], self.summary["severity"]
        return (
            f"<Evaluation of {self.examples} examples: top-1 {top1:.4f}, severity {severity:.3f}>"
        )

    def _repr_html_(self) -> str:
        from keras_haframe.results.evaluation_page import tables

        return tables(self)

    def title(self) -> str:
        """One line that says what was evaluated."""
        unseen = sum(not row["examples"] for row in self.classes)
        without = f", {unseen} of them without an example" if unseen else ""
        return (
            f"{self.name}: {self.examples:,} examples, {self.tree.num_classes:,} classes{without}, "
            f"tree of height {self.tree.height}"
        )


def _table(
    columns: Any, rows: Rows, digits: dict[str, int] | None = None
) -> tuple[list[str], list[list[Any]]]:
    """Head and cells; numbers are texts that line up, percent with two decimals."""

    def cell(row: dict, key: str, head: str, factor: float) -> Any:
        value = row.get(key)
        if value is None or isinstance(value, (str, int)):
            return "-" if value is None else value
        if math.isnan(value):
            return "-"
        return f"{factor * value:.{(digits or {}).get(head, 2)}f}"

    return [head for _, head, _ in columns], [[cell(row, *c) for c in columns] for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, np.ndarray):
        value = value.astype(float).tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
