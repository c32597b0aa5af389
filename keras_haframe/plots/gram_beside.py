"""Target geometry beside the measured one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keras_haframe.plots import style
from keras_haframe.plots.gram import check_cosines, draw_matrix
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.values import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_gram_beside(
    target: Tensor,
    measured: Tensor,
    tree: ClassTree | dict,
    *,
    names: tuple[str, str] = ("target", "class means"),
    title: str | None = None,
    ax: Axes | None = None,
    colorbar: bool = True,
) -> Axes:
    """Draw a target Gram matrix and, to its right, the measured class-mean cosines.

    Both have their classes in tree order and one color scale, with lines between the children of
    the root. At collapse onto the target the two pictures are the same; the mean distance of their
    off-diagonal entries stands below.

    Args:
        target: `[K, K]` target cosines, such as `frames.similarity(...)` or `W @ W.T`.
        measured: `[K, K]` cosines, such as `class_mean_cosines(...)`. NaN entries stay blank.
        tree: A `ClassTree` of K classes.
        names: What to write above the two.
        title: Title of the Axes.
        ax: Axes to draw on; new ones by default.
        colorbar: Whether to add a color bar.

    Returns:
        The Axes. At the left every class is named where there is room; else groups of them are.

    Raises:
        ValueError: If a matrix is not `[K, K]`, or `names` are not two.

    Example:

    ```python
    rows, _ = model.classifier_weights()
    means = class_mean_cosines(model.features(images), labels, tree.num_classes)
    plot_gram_beside(rows @ rows.T, means, tree)
    ```
    """
    tree = as_tree(tree)
    k = tree.num_classes
    if len(names) != 2:
        raise ValueError(f"`names` must be two strings. Received: {names!r}")
    matrices = [check_cosines(target, k, "target"), check_cosines(measured, k, "measured")]
    from keras_haframe.plots.names import name_rows

    ax = style.axes(ax, (3.3, 1.9))
    gap = max(1.0, 0.08 * k)
    for i, matrix in enumerate(matrices):
        left = i * (k + gap)
        picture = draw_matrix(ax, matrix, tree, left)
        ax.text(left + (k - 1) / 2, -0.03 * k - 0.5, names[i], fontsize=7, ha="center", va="bottom")
    ax.set_xlim(-0.5, 2 * k + gap - 0.5)
    ax.set_ylim(k - 0.5, -0.5)
    ax.set_xticks([])
    away = np.abs(matrices[1] - matrices[0])[~np.eye(k, dtype=bool)]
    if np.isfinite(away).any():
        note = f"mean |difference| {np.nanmean(away):.3f}"
        ax.text(k + gap / 2 - 0.5, 1.03 * k, note, fontsize=6, ha="center", va="top")
    if colorbar:
        bar = ax.figure.colorbar(picture, ax=ax, fraction=0.025, pad=0.02)
        bar.ax.tick_params(labelsize=6)
    if title:
        ax.set_title(title, fontsize=8, pad=14)
    for side in ax.spines.values():
        side.set_visible(False)
    name_rows(ax.yaxis, tree)
    return ax
