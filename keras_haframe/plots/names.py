"""Names of classes, or of their groups, beside the rows of a picture.

They are chosen whenever a figure is drawn, as the ticks of numbers are, so that they fit after its
size has changed as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.ticker import FuncFormatter, Locator

from keras_haframe.plots.words import shorten
from keras_haframe.tree import ClassTree

if TYPE_CHECKING:
    from matplotlib.axis import Axis

LEAST, MOST = 5.0, 6.0  # sizes of names, in points
LINE = 1.2  # height of a line of letters, as a multiple of their size
ROOM = 48.0  # points across for a name


class Span(NamedTuple):
    """Rows `start` to `stop - 1` and the node above them."""

    start: int
    stop: int
    node: int


def spans(paths: np.ndarray, least: float) -> list[Span]:
    """Nodes to name beside rows, as fine as possible, each over at least `least` rows.

    A node gives way to its children where those with enough rows have two thirds of its rows;
    smaller children stay without a name.

    Args:
        paths: Nodes from the root to each row, `[rows, depths]`, rows in tree order.
        least: Rows that a name needs.

    Returns:
        In order; where even the children of the root are too small, single rows, evenly spaced.

    Example:

    >>> spans(np.array([[9, 5, 0], [9, 5, 1], [9, 5, 2], [9, 6, 3]]), 2.5)
    [Span(start=0, stop=3, node=5)]
    """

    def below(span: Span, depth: int) -> list[Span]:
        if depth == paths.shape[1]:
            return [span]
        column = paths[span.start : span.stop, depth]
        edges = span.start + np.flatnonzero(np.diff(column, prepend=-1, append=-1))
        parts = [Span(int(a), int(b), int(paths[a, depth])) for a, b in pairwise(edges)]
        parts = [part for part in parts if part.stop - part.start >= least]
        if 3 * sum(part.stop - part.start for part in parts) < 2 * (span.stop - span.start):
            return [span]
        return [finer for part in parts for finer in below(part, depth + 1)]

    rows, root = len(paths), int(paths[0, 0])
    found = below(Span(0, rows, root), 1)
    if found[0].node == root and rows > 1:
        step = int(np.ceil(least))
        return [Span(i, i + 1, int(paths[i, -1])) for i in range(0, rows, step)]
    return found


class NodeLocator(Locator):
    """Places of names; with `edges`, of the marks between groups.

    Args:
        paths: Nodes from the root to each row, `[rows, depths]`, rows in tree order.
        edges: Whether to give the borders of groups, in place of their centers.
    """

    def __init__(self, paths: np.ndarray, edges: bool = False) -> None:
        self.paths, self.edges = paths, edges
        self.named: dict[float, Span] = {}

    def __call__(self) -> list[float]:
        """Places for the present size of the axis; the size of the letters is set as well."""
        axis: Any = self.axis
        if self.edges and not isinstance(axis.get_major_locator(), NodeLocator):
            return []  # somebody has set other ticks, or none
        low, high = axis.get_view_interval()
        space = axis.axes.transAxes - axis.axes.figure.dpi_scale_trans
        box = space.transform([(0, 0), (1, 1)])
        row = 72 * abs(box[1] - box[0])[int(axis.axis_name == "y")] / max(abs(high - low), 1e-9)
        found = spans(self.paths, LINE * LEAST / max(row, 1e-9))
        grouped = any(span.stop - span.start > 1 for span in found)
        if self.edges:
            if grouped:
                return sorted({end - 0.5 for span in found for end in (span.start, span.stop)})
            every = len(found) == len(self.paths)
            return [] if every else [float(span.start) for span in found]
        self.named = {(span.start + span.stop - 1) / 2: span for span in found}
        smallest = min(span.stop - span.start for span in found)
        size = float(np.clip(smallest * row / LINE, LEAST, MOST))
        if size != axis.get_tick_params().get("labelsize"):
            axis.set_tick_params(labelsize=size)
        return list(self.named)

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Places, whatever the limits."""
        return self()


def name_rows(
    axis: Axis,
    tree: ClassTree,
    level: int = -1,
    *,
    texts: Sequence[str] | None = None,
    room: float = ROOM,
) -> None:
    """Name the rows or columns of a picture: nodes of a level in tree order, from 0.

    Every row has its name where letters of 5 points fit; else groups have theirs, between marks.

    Args:
        axis: `ax.xaxis` or `ax.yaxis`.
        tree: The class tree.
        level: Level of the rows.
        texts: What to write for single rows; their names by default.
        room: Points across for a name.
    """
    order = tree.leaf_ranges[0]
    path = tree.paths[order][:, : level % (tree.height + 1) + 1]
    paths = path[np.append(True, np.diff(path[:, -1]) != 0)]
    places = NodeLocator(paths)

    def name(value: float, position: int | None = None) -> str:
        span = places.named.get(float(value))
        if span is None:
            return ""
        words = tree.nodes[span.node].split("/")[-1]
        if texts is not None and span.stop == span.start + 1:
            words = texts[span.start]
        size = axis.get_tick_params().get("labelsize", MOST)
        return shorten(words, room, size).replace("$", r"\$")

    axis.set_major_locator(places)
    axis.set_major_formatter(FuncFormatter(name))
    axis.set_minor_locator(NodeLocator(paths, edges=True))
    turned: Any = {"labelrotation": 90.0} if axis is axis.axes.xaxis else {}
    axis.set_tick_params(which="major", length=0, pad=3, **turned)
    axis.set_tick_params(which="minor", length=3, width=0.5)
    axis.remove_overlapping_locs = False  # a mark may stand at a name
