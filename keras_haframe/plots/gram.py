"""Cosines between classes, in tree order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_haframe.plots import style
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_labels
from keras_haframe.tree_ops.dense_limit import check_dense
from keras_haframe.tree_ops.options import check_count
from keras_haframe.tree_ops.values import Tensor, to_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage


def check_cosines(cosines: Tensor, num_classes: int, name: str = "cosines") -> np.ndarray:
    """Return `cosines` as a `[K, K]` array after checking its shape."""
    cosines = to_numbers(cosines, f"`{name}`").astype(np.float64)
    if cosines.shape != (num_classes, num_classes):
        raise ValueError(
            f"`{name}` must have shape [{num_classes}, {num_classes}], one row per class of the "
            f"tree. Received shape: {cosines.shape}"
        )
    return cosines


def group_edges(tree: ClassTree) -> list[int]:
    """Places in tree order where one child of the root ends and the next begins."""
    _, start, _ = tree.leaf_ranges
    return sorted({int(start[n]) for n in np.flatnonzero(tree.parents == tree.num_nodes - 1)} - {0})


def draw_matrix(ax: Axes, cosines: np.ndarray, tree: ClassTree, left: float = 0.0) -> AxesImage:
    """Draw a `[K, K]` matrix in tree order with group lines, its first column at `left`."""
    order = tree.leaf_ranges[0]
    k = tree.num_classes
    picture = ax.imshow(
        cosines[np.ix_(order, order)],
        cmap=style.DIVERGING,
        vmin=-1,
        vmax=1,
        interpolation="nearest",
        extent=(left - 0.5, left + k - 0.5, k - 0.5, -0.5),
    )
    edges = np.array(group_edges(tree), np.float64) - 0.5
    lines: dict[str, Any] = {"colors": "black", "linewidth": 0.5}
    ax.hlines(edges, left - 0.5, left + k - 0.5, **lines)
    ax.vlines(left + edges, -0.5, k - 0.5, **lines)
    return picture


def plot_gram(
    cosines: Tensor,
    tree: ClassTree | dict,
    *,
    title: str | None = None,
    ax: Axes | None = None,
    colorbar: bool = True,
) -> Axes:
    """Draw a class-by-class cosine matrix with its classes in tree order.

    Lines part the children of the root. Give the frame's Gram matrix to one Axes and the measured
    class-mean cosines to another, or both to `plot_gram_beside`: after training they look alike.

    Args:
        cosines: `[K, K]` cosines in label order. NaN entries stay blank.
        tree: A `ClassTree` of K classes.
        title: Title of the Axes.
        ax: Axes to draw on; new ones by default.
        colorbar: Whether to add a color bar.

    Returns:
        The Axes. Every class is named where there is room; else groups of them are.

    Raises:
        ValueError: If `cosines` is not `[K, K]`.

    Example:

    ```python
    rows, _ = model.classifier_weights()
    plot_gram(rows @ rows.T, tree, title="frame")
    ```
    """
    tree = as_tree(tree)
    cosines = check_cosines(cosines, tree.num_classes)
    from keras_haframe.plots.names import name_rows

    ax = style.axes(ax, (3.3, 2.7 if tree.num_classes <= 10 else 3.0))
    picture = draw_matrix(ax, cosines, tree)
    if colorbar:
        ax.figure.colorbar(picture, ax=ax, fraction=0.046, pad=0.03).ax.tick_params(labelsize=6)
    style.tidy(ax, title)
    name_rows(ax.xaxis, tree)
    name_rows(ax.yaxis, tree)
    return ax


def class_mean_cosines(features: Tensor, labels: Tensor, num_classes: int) -> np.ndarray:
    """Cosines between the class means of features.

    Args:
        features: `[n, P]`.
        labels: Integer labels `[n]`.
        num_classes: K.

    Returns:
        float64 `[K, K]`; rows and columns of classes without an example are NaN.

    Raises:
        ValueError: If the shapes do not fit, a label is out of range, or for more than 2,048
            classes.
    """
    features = to_numbers(features, "`features`").astype(np.float64)
    if features.ndim != 2 or not features.shape[1]:
        raise ValueError(f"`features` must be [n, P]. Received shape: {features.shape}")
    labels = check_labels(labels, check_count(num_classes, "num_classes"), len(features))
    check_dense(
        "A matrix of cosines",
        num_classes,
        "Take the labels of a level, `tree.level_labels()[:, -level][labels]`, as classes; "
        "keras_haframe.collapse measures all pairs without the matrix.",
    )
    sums = np.zeros((num_classes, features.shape[1]))
    np.add.at(sums, labels, features)
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = sums / norms
    return unit @ unit.T
