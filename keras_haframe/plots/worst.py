"""The worst mistakes as a sheet of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from keras import ops

from keras_haframe.plots.images import plot_images
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_labels, check_scores
from keras_haframe.tree_ops.options import check_count
from keras_haframe.tree_ops.pair_distances import PairDistances
from keras_haframe.tree_ops.values import Tensor, to_numpy

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def worst_mistakes(
    labels: Tensor, scores: Tensor, tree: ClassTree | dict, *, count: int = 12
) -> np.ndarray:
    """Numbers of the examples with the worst mistakes.

    The highest LCA of label and prediction first; among equals the one whose prediction leads its
    label by most, `score[predicted] - score[label]`.

    Args:
        labels: Integer labels `[n]`.
        scores: Class scores `[n, K]`, higher is better.
        tree: A `ClassTree`.
        count: How many at most.

    Returns:
        int64 `[m]`, `m <= count`; empty without mistakes.

    Raises:
        ValueError: If shapes do not fit, or `count` is not positive.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> scores = [[0, 1, 0, 0], [0, 0, 9, 0], [0, 0, 2, 0]]
    >>> worst_mistakes([0, 0, 1], scores, tree).tolist()  # truck for car is the least of three
    [1, 2, 0]
    """
    tree = as_tree(tree)
    count = check_count(count, "count")
    labels = check_labels(labels, tree.num_classes, least=1)
    scores = to_numpy(check_scores(scores, tree.num_classes, len(labels)), "scores")
    predicted = scores.argmax(axis=1)
    heights = ops.convert_to_numpy(PairDistances(tree)(labels, predicted[:, None]))[:, 0]
    rows = np.arange(len(labels))
    lead = scores[rows, predicted] - scores[rows, labels]
    order = np.lexsort((-lead, -heights))
    return order[heights[order] > 0][:count]


def plot_worst_mistakes(
    images: Tensor,
    labels: Tensor,
    scores: Tensor,
    tree: ClassTree | dict,
    *,
    count: int = 12,
    columns: int = 4,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the images with the worst mistakes, each with its label, prediction and LCA.

    Args:
        images: `[n, H, W, 3]`, uint8, or floats from 0 to 1.
        labels: Integer labels `[n]`.
        scores: Class scores `[n, K]`, higher is better.
        tree: A `ClassTree`.
        count: How many at most, see `worst_mistakes`.
        columns: Images per row.
        title: Title of the sheet.
        ax: Axes to draw on; new ones by default.

    Returns:
        The Axes.

    Raises:
        ValueError: If shapes do not fit, or there is no mistake to show.

    Example:

    ```python
    plot_worst_mistakes(images, labels, model.predict(images), tree)
    ```
    """
    tree = as_tree(tree)
    if np.ndim(images) != 4 or len(images) != len(labels):
        raise ValueError(
            f"`images` must be [{len(labels)}, H, W, 3], one per label. "
            f"Received shape: {np.shape(images)}"
        )
    worst = worst_mistakes(labels, scores, tree, count=count)
    if not len(worst):
        raise ValueError("There is no mistake to show: every prediction is right.")
    labels = np.asarray(labels)[worst]
    predicted = np.asarray(scores)[worst].argmax(axis=1)
    heights = ops.convert_to_numpy(PairDistances(tree)(labels, predicted[:, None]))[:, 0]
    captions = [
        f"{tree.leaves[y]}\nas {tree.leaves[p]}\nLCA height {h:.0f}"
        for y, p, h in zip(labels, predicted, heights)
    ]
    return plot_images(np.asarray(images)[worst], captions, columns=columns, title=title, ax=ax)
