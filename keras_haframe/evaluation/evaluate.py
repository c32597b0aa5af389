"""From labels and scores of any classifier to one report."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_haframe.evaluation import measures
from keras_haframe.evaluation.labels import class_labels
from keras_haframe.evaluation.read import is_file, read_table
from keras_haframe.evaluation.report import Evaluation
from keras_haframe.evaluation.scores import check_class_scores, to_probabilities
from keras_haframe.metrics.operating_curve import curve_of, node_coverage
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_floors
from keras_haframe.tree_ops.options import check_choice

FLOORS = (0.5, 0.65, 0.8, 0.9, 0.95)
CURVE = np.append(np.linspace(0.0, 1.0, 201), np.inf)
PAIRS = 20


def evaluate(
    labels: Any,
    scores: Any,
    tree: ClassTree | dict,
    *,
    kind: str | None = None,
    convention: str = "depth",
    floors: Sequence[float] = FLOORS,
    name: str = "model",
) -> Evaluation:
    """Evaluate the scores of any classifier on a class tree.

    Args:
        labels: Class indices or names `[n]`; a file of them; the name of the column with the
            labels, where `scores` is a table; or `None` to take those the table or file has.
        scores: `[n, K]` logits or probabilities: an array or tensor, a DataFrame (pandas, polars)
            or Arrow table whose column names are matched with `tree.leaves`, or a `.npz`, `.npy`,
            `.csv` or `.parquet` file (see `read_table`).
        tree: A `ClassTree`.
        kind: `"logits"` or `"probabilities"`; `None` tells by the values, and says so in `notes`.
        convention: Distance convention, see `ClassTree.distances`.
        floors: Confidence floors to show, 0 to 1.
        name: What to call the classifier on the page.

    Returns:
        An `Evaluation`: `print` it, or use `to_dict()` and `to_html(path)`.

    Raises:
        ValueError: For labels and scores that do not fit each other or the tree, integers, NaN or
            transposed scores, unknown names, no examples, or values that may be either kind.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> report = evaluate(["car", "jet"], np.array([[4.0, 3, 2, 1], [4.0, 3, 2, 1]]), tree)
    >>> report.summary["top1"], report.summary["severity"], report.confused[0]["answer"]
    (0.5, 2.0, 'car')
    """
    tree = as_tree(tree)
    check_choice("convention", convention, ("depth", "subtree"))
    own = labels is None or (isinstance(labels, str) and not is_file(labels))
    table = read_table(scores, tree, labels if own else None)
    if own:
        labels = table.labels
        if labels is None:
            raise ValueError(
                "`labels` must be class indices or names, one per example: there are none in "
                "`scores` either (a column or array `label`)."
            )
    elif is_file(labels):
        labels = read_labels(labels, tree)
    y = class_labels(labels, tree)
    z = check_class_scores(table.scores, tree, len(y))
    p, kind, note = to_probabilities(z, table.kind if kind is None else kind)
    notes = [*table.notes, note]

    counted = measures.count(y, z, p, tree, convention)
    pairs = measures.pair_counts(y, counted.best, tree)
    strange = another_order(y, counted.best, tree)
    if strange:
        warnings.warn(strange, stacklevel=2)
        notes.append(strange)
    mistakes = int((y != counted.best).sum())
    return Evaluation(
        tree=tree,
        name=name,
        examples=len(y),
        kind=kind,
        notes=tuple(notes),
        summary={**counted.rules[""], "mistakes": mistakes},
        levels=measures.level_rows(counted, y, tree),
        heights=measures.height_rows(y, counted.best, tree, convention),
        classes=measures.class_rows(y, counted.best, pairs, tree),
        confused=measures.pair_rows(pairs, y, tree, convention, PAIRS),
        rules=[
            {"rule": rule or "most probable", **row, "changed": counted.changed[rule] / len(y)}
            for rule, row in counted.rules.items()
        ],
        coarser=_coarser(counted, y, tree, floors),
        curve=curve_of(*counted.nested, tree, CURVE),
        labels=y,
        probabilities=p,
    )


def read_labels(path: Any, tree: ClassTree) -> np.ndarray:
    """Labels of a `.npy`, `.npz` or one-column text file of their own."""
    from keras_haframe.evaluation.label_files import read

    return read(path, tree)


def _coarser(
    counted: measures.Counted, labels: np.ndarray, tree: ClassTree, floors: Sequence[float]
) -> list[dict[str, Any]]:
    """Return what answering coarser nodes gives: a level for all, or a confidence floor."""
    nodes, found, right = counted.nested
    coverage, rows = node_coverage(tree), []

    def row(answer: str, column: np.ndarray) -> dict[str, Any]:
        picked = np.take_along_axis(nodes, column[:, None], axis=1)[:, 0]
        return {
            "answer": answer,
            "right": float(np.take_along_axis(right, column[:, None], axis=1).mean()),
            "classes": float((picked < tree.num_classes).mean()),
            "root": float((picked == tree.num_nodes - 1).mean()),
            "coverage": float(coverage[picked].mean()),
        }

    for level in range(1, tree.height):
        rows.append(row(f"level {level} for all", np.full(len(labels), level)))
    columns = np.arange(nodes.shape[1])
    for floor in np.atleast_1d(check_floors(floors, "floors", 1)).tolist():
        enough = found >= np.asarray(floor, found.dtype)
        rows.append(row(f"floor {floor:g}", np.where(enough, columns, 0).max(axis=1)))
    return rows


def another_order(labels: np.ndarray, best: np.ndarray, tree: ClassTree) -> str:
    """Return a warning where labels and answers agree only under other numbers, else `""`.

    So it is where the model is rarely right, but nearly always gives the same answer for a label,
    another for each: labels from 1, or classes in alphabetical order.
    """
    codes, counts = np.unique(labels * tree.num_classes + best, return_counts=True)
    rows, columns = codes // tree.num_classes, codes % tree.num_classes
    order = np.lexsort((-counts, rows))
    first = order[np.unique(rows[order], return_index=True)[1]]
    present = len(first)
    top1, renamed = (labels == best).mean(), counts[first].sum() / len(labels)
    different = len(np.unique(columns[first])) / present
    if len(labels) < 20 * present or renamed < 0.25 or top1 > renamed / 3 or different < 0.8:
        return ""
    return (
        f"Labels and scores seem to number the classes differently: top-1 is {100 * top1:.1f} %, "
        f"but {100 * renamed:.1f} % if labels are renamed. Labels and columns of scores must be in "
        "the order of `tree.leaves` and start at 0; names of classes (labels as text, columns of a "
        "table) are matched."
    )
