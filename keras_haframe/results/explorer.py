"""A tree to open and search, with its worst mistakes, and a slider for the confidence floor."""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
from typing import Any

import numpy as np

from keras_haframe.evaluation import Evaluation
from keras_haframe.evaluation.measures import lowest_common
from keras_haframe.tree import ClassTree

SCRIPT = (pathlib.Path(__file__).parent / "explorer.js").read_text(encoding="utf-8")
# The one script that a page may run, whatever its texts contain.
DIGEST = base64.b64encode(hashlib.sha256(SCRIPT.encode("utf-8")).digest()).decode("ascii")
ID = 'id="explorer"'  # in a page that needs the script; texts have no such quotes
MOST = 2000  # kinds of mistakes that a page holds

WORDS = (
    "A confidence floor answers the most specific node on the way to the most probable class that "
    "is at least so probable. Right: the label, or a node above it. Coverage: how specific the "
    "answers are, 100 % for classes, 0 % for the root."
)
TREE_WORDS = (
    "Share of the images below a node whose answer lies below it as well; for a class, its "
    "accuracy. Open a node for its worst mistakes, highest LCA first, and its children."
)


def explorer(report: Evaluation) -> str:
    """Return slider, search and tree of an evaluation as HTML; they need `SCRIPT` in the page.

    Args:
        report: What `evaluate` returned.
    """
    data = content(report)
    last = len(data["curve"]) - 1
    return (
        '<noscript><p class="soft">The tree needs JavaScript.</p></noscript>'
        f"<div {ID} hidden>"
        f'<p class="soft">{WORDS}</p>'
        '<p><label for="explorer-floor">Confidence floor</label> '
        f'<input id="explorer-floor" type="range" min="0" max="{last}" value="{last // 2}"></p>'
        '<p id="explorer-said" role="status"></p>'
        f'<p class="soft">{TREE_WORDS}</p>'
        '<p><label for="explorer-find">Find a name</label> '
        '<input id="explorer-find" type="search" autocomplete="off"></p>'
        '<div id="explorer-tree"></div></div>'
        f'<script type="application/json" id="explorer-data">{as_json(data)}</script>'
    )


def as_json(value: Any) -> str:
    r"""JSON for a script element: no name in it can end the element or begin another.

    Example:

    >>> as_json(["</script>", "a & b"])
    '["\\u003c/script\\u003e","a \\u0026 b"]'
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def content(report: Evaluation) -> dict[str, Any]:
    """Return what the page knows, as JSON values.

    Args:
        report: What `evaluate` returned.

    Returns:
        By node, in the order of `tree.nodes`: `names`, `parents` (-1 for the root), `images` with a
        label below it and how many of them have their answer there (`inside`); `mistakes`, worst
        first: label, answer, times, LCA height, highest probability of the answer; `curve`: floor,
        share of right answers, coverage, share of answers that are a class.
    """
    tree, labels = report.tree, report.labels
    best = report.probabilities.argmax(axis=1)
    images = _by_node(tree, tree.paths[labels])
    common = np.where(tree.paths[labels] == tree.paths[best], tree.paths[labels], -1)
    return {
        "names": [name.split("/")[-1] for name in tree.nodes],
        "parents": [int(p) for p in tree.parents[:-1]] + [-1],
        "images": images.tolist(),
        "inside": _by_node(tree, common).tolist(),
        "mistakes": _mistakes(report, best),
        "curve": _curve(report),
    }


def _by_node(tree: ClassTree, paths: np.ndarray) -> np.ndarray:
    """How many paths `[n, height + 1]` have each node; -1 is none, and repeats at the end are."""
    again = np.zeros(paths.shape, bool)
    again[:, 1:] = paths[:, 1:] == paths[:, :-1]
    return np.bincount(paths[(paths >= 0) & ~again], minlength=tree.num_nodes)


def _mistakes(report: Evaluation, best: np.ndarray) -> list[list]:
    """Kinds of mistakes by LCA height, then probability: at most `MOST`."""
    tree, wrong = report.tree, np.flatnonzero(report.labels != best)
    codes, kind, times = np.unique(
        report.labels[wrong] * tree.num_classes + best[wrong],
        return_inverse=True,
        return_counts=True,
    )
    sure = np.zeros(len(codes))
    np.maximum.at(sure, kind, report.probabilities[wrong, best[wrong]])
    label, answer = codes // tree.num_classes, codes % tree.num_classes
    heights = tree.node_heights()[lowest_common(label, answer, tree)]
    order = np.lexsort((-sure, -heights))[:MOST]
    rows = zip(label[order], answer[order], times[order], heights[order], sure[order])
    return [[int(y), int(a), int(n), int(h), round(float(p), 3)] for y, a, n, h, p in rows]


def _curve(report: Evaluation) -> list[list[float]]:
    """Floors from 0 to 1."""
    highest = np.sort(report.probabilities.max(axis=1))
    curve = report.curve
    shown = np.isfinite(curve.thresholds)
    below = np.searchsorted(highest, curve.thresholds[shown], side="left")
    classes = 1.0 - below / len(highest)
    columns = curve.thresholds[shown], curve.correctness[shown], curve.coverage[shown], classes
    return [[round(float(x), 4) for x in row] for row in zip(*columns)]
