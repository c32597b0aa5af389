"""Where in the tree the mistakes fall."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from keras_haframe.plots import style
from keras_haframe.tree import as_tree


def plot_mistakes_by_height(
    predictions: Mapping[str, np.ndarray], labels, tree, title: str | None = None, ax=None
):
    """Bars of the mistakes of several models by the LCA height of label and prediction.

    A dotted step shows where mistakes would fall by chance (a uniformly drawn wrong class), as
    shares of the first model's mistakes.

    Args:
        predictions: Predicted classes `[n]` by model name.
        labels: Integer labels `[n]`.
        tree: A `ClassTree`.
        title: Title of the Axes.
        ax: Axes to draw on; new ones by default.

    Returns:
        The Axes. Heights are in levels, bars in % of all images.
    """
    tree = as_tree(tree)
    labels = np.asarray(labels)
    distances = tree.distances()
    heights = np.arange(1, int(distances.max()) + 1)
    ax = style.axes(ax)
    width = 0.8 / len(predictions)
    wrong = 0.0
    for i, (name, predicted) in enumerate(predictions.items()):
        d = distances[labels, np.asarray(predicted)]
        share = 100 * np.array([(d == h).mean() for h in heights])
        severity = d[d > 0].mean() if (d > 0).any() else float("nan")
        ax.bar(
            heights + (i - (len(predictions) - 1) / 2) * width,
            share,
            width,
            color=style.COLOURS[i],
            label=f"{name} (severity {severity:.2f})",
        )
        wrong = wrong or share.sum()
    pairs = distances[labels]
    chance = np.array([(pairs == h).sum() for h in heights]) / max((pairs > 0).sum(), 1)
    ax.step(
        np.r_[heights - 0.5, heights[-1] + 0.5],
        wrong * np.r_[chance, chance[-1]],
        where="post",
        color="black",
        linestyle=":",
        linewidth=1,
        label="chance",
    )
    ax.set_xticks(heights)
    ax.legend(fontsize=6, frameon=False)
    return style.tidy(ax, title, "LCA height of the mistake", "% of images")
