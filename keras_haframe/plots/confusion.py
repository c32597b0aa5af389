"""Confusions between the nodes of a level of the tree."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from keras_haframe.plots import style
from keras_haframe.plots.checks import check_predictions
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_labels
from keras_haframe.tree_ops.dense_limit import check_dense
from keras_haframe.tree_ops.options import check_level
from keras_haframe.tree_ops.values import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SQUARES = 200  # across; smaller ones would fall between the pixels


def level_confusion(
    labels: Tensor, predictions: Tensor, tree: ClassTree | dict, level: int
) -> tuple[np.ndarray, list[str]]:
    """Return counts of label and prediction at a level, nodes in tree order, and their names.

    Args:
        labels: Integer labels `[n]`.
        predictions: Predicted classes `[n]`, or scores `[n, K]`.
        tree: A `ClassTree`.
        level: Depth of the level, from 1 (children of the root) to `tree.height` (classes), or -1
            for the classes, -2 for their parents and so on.

    Returns:
        int64 `[M, M]`, rows are labels, and M names.

    Raises:
        ValueError: For a level out of range, predictions that do not fit the labels, or more than
            2,048 nodes.
    """
    row, column, times, nodes = _found(labels, predictions, tree, level)
    check_dense("A table of confusions", len(nodes), "Choose a coarser level.", "nodes")
    counts = np.zeros((len(nodes), len(nodes)), np.int64)
    counts[row, column] = times
    return counts, [as_tree(tree).nodes[n] for n in nodes]


def _found(
    labels: Tensor, predictions: Tensor, tree: ClassTree | dict, level: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and numbers of the confusions that occur, and the nodes in tree order."""
    tree = as_tree(tree)
    level = check_level(level, tree.height)
    labels = check_labels(labels, tree.num_classes, least=1)
    predictions = check_predictions(predictions, labels, tree.num_classes)
    node_of = tree.paths[:, level]
    ordered = node_of[tree.leaf_ranges[0]]
    nodes = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    place = np.empty(tree.num_nodes, np.int64)
    place[nodes] = np.arange(len(nodes))
    codes, times = np.unique(
        place[node_of[labels]] * len(nodes) + place[node_of[predictions]], return_counts=True
    )
    return codes // len(nodes), codes % len(nodes), times, nodes


def plot_confusion(
    labels: Tensor,
    predictions: Tensor,
    tree: ClassTree | dict,
    level: int = -2,
    *,
    title: str | None = None,
    ax: Axes | None = None,
    colorbar: bool = True,
) -> Axes:
    """Draw the confusions between the nodes of a level: parents of the classes by default.

    Rows are labels and sum to 100 %; rows without an example stay blank. Nodes are in tree order,
    with lines between the children of the root. Up to 12 nodes have their numbers written in. Every
    node is named where there is room (some 20 in a paper's column); else groups of them are. Above
    200 nodes a square stands for several and has the color of the largest share.

    Args:
        labels: Integer labels `[n]`.
        predictions: Predicted classes `[n]`, or scores `[n, K]`.
        tree: A `ClassTree`.
        level: Depth of the level, from 1 (children of the root) to `tree.height` (classes), or -1
            for the classes, -2 for their parents and so on.
        title: Title of the Axes.
        ax: Axes to draw on; new ones by default.
        colorbar: Whether to add a color bar.

    Returns:
        The Axes.

    Raises:
        ValueError: For a level out of range, or predictions that do not fit the labels.

    Example:

    ```python
    plot_confusion(labels, model.predict(images), tree, level=1)
    ```
    """
    tree = as_tree(tree)
    level = check_level(level, tree.height)
    row, column, times, nodes = _found(labels, predictions, tree, level)
    m = len(nodes)
    share = 100.0 * times / np.bincount(row, times, m)[row]
    from keras_haframe.plots.names import name_rows
    from keras_haframe.plots.words import Fitted, first_fitting

    ax = style.axes(ax, (3.3, 2.6 if m <= 10 else 3.0))
    step = -(-m // SQUARES)
    largest = np.full((-(-m // step),) * 2, np.nan)
    largest[row // step] = 0.0
    np.maximum.at(largest, (row // step, column // step), share)
    end = len(largest) * step - 0.5
    picture = ax.imshow(
        largest,
        cmap=style.SEQUENTIAL,
        vmin=0,
        vmax=100,
        interpolation="nearest",
        extent=(-0.5, end, end, -0.5),
    )
    ax.set(xlim=(-0.5, m - 0.5), ylim=(m - 0.5, -0.5))
    node_of = tree.paths[:, level][tree.leaf_ranges[0]]
    top_of = dict(zip(node_of.tolist(), tree.paths[:, 1][tree.leaf_ranges[0]].tolist()))
    tops = np.array(list(top_of.values()))
    for edge in np.flatnonzero(np.diff(tops)) + 0.5 if level > 1 else ():
        ax.axhline(edge, color="black", linewidth=0.5)
        ax.axvline(edge, color="black", linewidth=0.5)
    if m <= 12:
        for i, j in np.argwhere(largest >= 0.5):
            color = "white" if largest[i, j] > 55 else "black"
            number = functools.partial(first_fitting, (f"{largest[i, j]:.0f}",))
            place = {"fontsize": 5, "color": color, "ha": "center", "va": "center"}
            ax.add_artist(Fitted(j, i, number, 1.0, **place))
    if colorbar:
        bar = ax.figure.colorbar(picture, ax=ax, fraction=0.046, pad=0.03)
        bar.ax.tick_params(labelsize=6)
        bar.set_label("% of the label's images", fontsize=6)
    style.tidy(ax, title, "predicted", "label")
    name_rows(ax.xaxis, tree, level)
    name_rows(ax.yaxis, tree, level)
    return ax
