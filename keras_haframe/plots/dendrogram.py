"""A class tree as a dendrogram."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_haframe.plots import style
from keras_haframe.tree import ClassTree, as_tree

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED_CLASSES = 60  # for more the figure does not get higher
LINES, SAMPLE = 2048, 512  # classes that are drawn; of more, which fall between the pixels, a part
ROOM = 80.0  # points across for a name


def plot_dendrogram(
    tree: ClassTree | dict,
    *,
    convention: str = "depth",
    values: Sequence[float] | np.ndarray | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a class tree: classes at the right in tree order, every node at its height.

    Two classes meet at the height of their LCA, which is their hierarchical distance. Children of
    the root have colors of their own, as far as there are colors. Of more than 2,048 classes some
    500, evenly spaced, are drawn with the nodes above them.

    Args:
        tree: A `ClassTree`.
        convention: Heights of the nodes, `"depth"` or `"subtree"`, see `ClassTree.node_heights`.
        values: Optional `[K]`, one number per class in label order (an accuracy, say), written
            behind the names of classes.
        title: Title of the Axes.
        ax: Axes to draw on; new ones, high enough for the names, by default.

    Returns:
        The Axes. Every class is named where there is room, else groups of them are; up to 12 inner
        nodes below the root have their names on their branches.

    Raises:
        ValueError: For another convention or `values` of a wrong shape.

    Example:

    ```python
    plot_dendrogram(ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]}))
    ```
    """
    tree = as_tree(tree)
    k = tree.num_classes
    heights = tree.node_heights(convention)
    if values is not None and np.shape(values) != (k,):
        raise ValueError(
            f"`values` must be one number per class, shape [{k}]. Received: {np.shape(values)}"
        )
    from keras_haframe.plots.names import name_rows
    from keras_haframe.plots.words import shorten

    ax = style.axes(ax, (3.3, min(max(1.6, 0.12 * k if k <= NAMED_CLASSES else 3.5), 7.0)))
    order, start, stop = tree.leaf_ranges
    place = (start + stop - 1) / 2.0
    top = tree.paths[:, min(1, tree.height)]
    groups = list(dict.fromkeys(int(top[i]) for i in order))
    many = len(groups) > len(style.COLORS)
    color_of = {g: "0.3" if many else style.COLORS[i] for i, g in enumerate(groups)}
    width = max(0.9 if k <= NAMED_CLASSES else min(0.5, 100 / k), 0.1)
    shown = np.full(tree.num_nodes, k <= LINES)
    shown[tree.paths[order[:: -(-k // SAMPLE)]]] = True
    for node in np.flatnonzero(shown[:-1]).tolist():
        parent = tree.parents[node]
        color = color_of[int(top[order[start[node]]])]
        x = [heights[node], heights[parent], heights[parent]]
        y = [place[node], place[node], place[parent]]
        ax.plot(x, y, color=color, linewidth=width, solid_capstyle="round")
    _name_inner_nodes(ax, tree, heights, place)
    ax.set_xlim(heights.max() + 0.15, -0.02 * heights.max())
    ax.set_ylim(k - 0.4, -0.6)
    style.tidy(ax, title, "LCA height", f"{k} classes" if k > NAMED_CLASSES else None)
    ax.set_xticks(range(int(heights.max()) + 1))
    ax.yaxis.tick_right()
    texts = [tree.leaves[i].split("/")[-1] for i in order]
    if values is not None and k <= LINES:
        texts = [f"{shorten(t, ROOM, 6)} {values[i]:.2g}" for t, i in zip(texts, order)]
    name_rows(ax.yaxis, tree, texts=texts, room=ROOM if values is None else 1.5 * ROOM)
    ax.spines["left"].set_visible(False)
    return ax


def _name_inner_nodes(ax: Axes, tree: ClassTree, heights: np.ndarray, place: np.ndarray) -> None:
    """Names on the branches of up to 12 inner nodes; single-child nodes lie on one line."""
    children = np.bincount(tree.parents[:-1], minlength=tree.num_nodes)
    inner = [n for n in range(tree.num_classes, tree.num_nodes - 1) if children[n] > 1]
    if len(inner) > 12:
        return
    from keras_haframe.plots.words import Fitted

    for node in inner:
        branch = heights[tree.parents[node]] - heights[node]
        x, y = heights[node] + branch / 2, place[node] - 0.08
        words = functools.partial(_on_branch, tree.nodes[node].split("/")[-1])
        ax.add_artist(Fitted(x, y, words, branch, fontsize=5.5, ha="center", va="bottom"))


def _on_branch(name: str, room: float, size: float) -> str:
    """Name that ends before the lines at both ends; none where only a few letters fit."""
    from keras_haframe.plots.words import shorten, width

    return shorten(name, room - 3, size) if room - 3 >= min(width(name, size), 12) else ""
