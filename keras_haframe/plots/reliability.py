"""Reliability at the levels of the tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_haframe.metrics import LevelCalibrationError
from keras_haframe.plots import style
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_labels, check_probabilities
from keras_haframe.tree_ops.options import check_level
from keras_haframe.tree_ops.values import Tensor, to_numpy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BATCH = 4096


def plot_reliability(
    labels: Tensor,
    probabilities: Tensor,
    tree: ClassTree | dict,
    *,
    levels: Sequence[int] | None = None,
    bins: int = 10,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw accuracy against confidence at several levels of the tree.

    The answer at a level is its most probable node. On the diagonal confidence is what it says;
    below it the model is too sure. The area of a marker grows with the share of the images in its
    bin. The expected calibration error (ECE) is in the legend.

    Args:
        labels: Integer labels `[n]`.
        probabilities: Class probabilities `[n, K]`.
        tree: A `ClassTree`.
        levels: Depths of the levels, from 1 (children of the root) to `tree.height` (classes), or
            -1 for the classes and so on. By default all, or five spread over a higher tree.
        bins: Number of bins of the confidence.
        title: Title of the Axes.
        ax: Axes to draw on; new ones by default.

    Returns:
        The Axes.

    Raises:
        ValueError: For rows that are not probabilities, shapes that do not fit, or a level out of
            range.

    Example:

    ```python
    plot_reliability(labels, model.predict_proba(images), tree)
    ```

    Reference: Guo et al., On Calibration of Modern Neural Networks (ICML 2017), per level.
    """
    tree = as_tree(tree)
    labels = check_labels(labels, tree.num_classes, least=1)
    p = check_probabilities(probabilities, tree.num_classes, len(labels))
    p = to_numpy(p, "probabilities")
    height = tree.height
    spread = np.unique(np.linspace(1, height, min(height, 5)).astype(int)).tolist()
    levels = spread if levels is None else levels
    style.check_count(levels, "levels")
    found = []
    for level in (check_level(level, height, "levels") for level in levels):
        metric = LevelCalibrationError(tree, level, bins=bins, from_logits=False)
        for i in range(0, len(labels), BATCH):
            metric.update_state(labels[i : i + BATCH], p[i : i + BATCH])
        found.append((level, float(metric.result()), metric.reliability()))
    ax = style.axes(ax, (3.3, 3.0))
    ax.plot([0, 1], [0, 1], ":", color="black", linewidth=0.8, zorder=0)
    for (level, error, curve), color, marker in zip(found, style.COLORS, style.MARKERS):
        some = curve["weight"] > 0
        x, y = curve["confidence"][some], curve["accuracy"][some]
        ax.plot(x, y, color=color, linewidth=0.9)
        size = 4 + 60 * curve["weight"][some] / len(labels)
        ax.scatter(x, y, size, color=color, marker=marker, zorder=3)
        name = f"{_name(level, tree)}: {error:.3f}"
        ax.plot([], [], marker, color=color, markersize=3.5, label=name)
    ax.set_xlim(0, 1.02)
    ax.set_ylim(0, 1.02)
    style.legend_below(ax, title="expected calibration error (ECE)")
    return style.tidy(ax, title, "confidence", "accuracy")


def _name(level: int, tree: ClassTree) -> str:
    count = len(np.unique(tree.paths[:, level]))
    return f"level {level} ({count} {'classes' if level == tree.height else 'nodes'})"
