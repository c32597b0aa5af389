"""Cosines between classes, in tree order."""

from __future__ import annotations

import numpy as np

from keras_haframe.plots import style
from keras_haframe.tree import as_tree


def plot_gram(cosines, tree, title: str | None = None, ax=None, colorbar: bool = True):
    """Draw a class-by-class cosine matrix with its classes in tree order.

    Lines part the children of the root. Give the frame's Gram matrix to one Axes and the measured
    class-mean cosines to another: after training they look alike.

    Args:
        cosines: `[K, K]` cosines in label order.
        tree: A `ClassTree` of K classes.
        title: Title of the Axes.
        ax: Axes to draw on; new ones by default.
        colorbar: Whether to add a colour bar.

    Returns:
        The Axes.
    """
    tree = as_tree(tree)
    cosines = np.asarray(cosines)
    k = tree.num_classes
    if cosines.shape != (k, k):
        raise ValueError(f"`cosines` must have shape [{k}, {k}]. Received shape: {cosines.shape}")
    ax = style.axes(ax, (3.2, 2.9))
    order, start, stop = tree.leaf_ranges
    picture = ax.imshow(
        cosines[np.ix_(order, order)],
        cmap=style.DIVERGING,
        vmin=-1,
        vmax=1,
        interpolation="nearest",
    )
    for node in np.flatnonzero(tree.parents == tree.num_nodes - 1):
        for edge in {start[node], stop[node]} - {0, k}:
            ax.axhline(edge - 0.5, color="black", linewidth=0.5)
            ax.axvline(edge - 0.5, color="black", linewidth=0.5)
    if k <= 30:
        ax.set_xticks(range(k), [tree.leaves[i] for i in order], rotation=90)
        ax.set_yticks(range(k), [tree.leaves[i] for i in order])
    if colorbar:
        ax.figure.colorbar(picture, ax=ax, fraction=0.046, pad=0.03).ax.tick_params(labelsize=6)
    style.tidy(ax, title, *(() if k <= 30 else ("class (tree order)", "class (tree order)")))
    ax.tick_params(labelsize=5 if k <= 30 else 7)
    return ax


def class_mean_cosines(features, labels, num_classes: int) -> np.ndarray:
    """Cosines between the class means of features.

    Args:
        features: `[n, P]`.
        labels: Integer labels `[n]`.
        num_classes: K.

    Returns:
        float64 `[K, K]`; rows of classes without an example are NaN.
    """
    features = np.asarray(features, np.float64)
    labels = np.asarray(labels)
    sums = np.zeros((num_classes, features.shape[1]))
    np.add.at(sums, labels, features)
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = sums / norms
    return unit @ unit.T
