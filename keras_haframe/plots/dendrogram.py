"""A class tree as a dendrogram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_haframe.plots import style
from keras_haframe.tree import ClassTree, as_tree

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED_CLASSES = 60


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
    the root have colors of their own, as far as there are colors.

    Args:
        tree: A `ClassTree`.
        convention: Heights of the nodes, `"depth"` or `"subtree"`, see `ClassTree.node_heights`.
        values: Optional `[K]`, one number per class in label order (an accuracy, say), written
            behind the names of up to 60 classes.
        title: Title of the Axes.
        ax: Axes to draw on; new ones, high enough for the names, by default.

    Returns:
        The Axes. Up to 60 classes are named; up to 12 inner nodes below the root as well.

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
    named = k <= NAMED_CLASSES
    ax = style.axes(ax, (3.3, min(max(1.6, 0.12 * k if named else 3.5), 7.0)))
    order, start, stop = tree.leaf_ranges
    place = (start + stop - 1) / 2.0
    top = tree.paths[:, min(1, tree.height)]
    groups = list(dict.fromkeys(int(top[i]) for i in order))
    many = len(groups) > len(style.COLORS)
    color_of = {g: "0.3" if many else style.COLORS[i] for i, g in enumerate(groups)}
    width = 0.5 if k > NAMED_CLASSES else 0.9
    for node in range(tree.num_nodes - 1):
        parent = tree.parents[node]
        color = color_of[int(top[order[start[node]]])]
        x = [heights[node], heights[parent], heights[parent]]
        y = [place[node], place[node], place[parent]]
        ax.plot(x, y, color=color, linewidth=width, solid_capstyle="round")
    _name_inner_nodes(ax, tree, heights, place)
    ax.set_xlim(heights.max() + 0.15, -0.02 * heights.max())
    ax.set_ylim(k - 0.4, -0.6)
    if named:
        names = [tree.leaves[i] for i in order]
        if values is not None:
            names = [f"{name} {values[i]:.2g}" for name, i in zip(names, order)]
        ax.set_yticks(range(k), names)
        ax.yaxis.tick_right()
    else:
        ax.set_yticks([])
    style.tidy(ax, title, "LCA height", None if named else f"{k} classes (tree order)")
    ax.set_xticks(range(int(heights.max()) + 1))
    ax.tick_params(axis="y", length=0, labelsize=6 if k <= 40 else 5)
    ax.spines["left"].set_visible(False)
    return ax


def _name_inner_nodes(ax: Axes, tree: ClassTree, heights: np.ndarray, place: np.ndarray) -> None:
    """Names on the branches of up to 12 inner nodes; single-child nodes lie on one line."""
    children = np.bincount(tree.parents[:-1], minlength=tree.num_nodes)
    inner = [n for n in range(tree.num_classes, tree.num_nodes - 1) if children[n] > 1]
    if len(inner) > 12:
        return
    for node in inner:
        ax.text(
            (heights[node] + heights[tree.parents[node]]) / 2,
            place[node] - 0.08,
            tree.nodes[node].split("/")[-1],
            fontsize=5.5,
            ha="center",
            va="bottom",
        )
