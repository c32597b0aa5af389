"""Where in the tree the mistakes fall."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from keras import ops

from keras_haframe.plots import style
from keras_haframe.plots.checks import check_predictions
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_labels
from keras_haframe.tree_ops.pair_distances import PairDistances
from keras_haframe.tree_ops.values import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def chance_shares(labels: Tensor, tree: ClassTree | dict) -> np.ndarray:
    """Shares of LCA heights 1 to H when a wrong class is drawn uniformly.

    Args:
        labels: Integer labels `[n]`.
        tree: A `ClassTree` of height H.

    Returns:
        float64 `[H]`, summing to 1.

    Example:

    >>> chance_shares([0], ClassTree.from_nested({"l": ["car", "truck"], "a": ["jet"]})).tolist()
    [0.5, 0.5]
    """
    tree = as_tree(tree)
    labels = check_labels(labels, tree.num_classes, least=1)
    counts = np.bincount(labels, minlength=tree.num_classes)
    _, start, stop = tree.leaf_ranges
    sizes, heights = (stop - start)[tree.paths], tree.node_heights()
    # Classes that part from the label's path below each of its nodes.
    parted = counts[:, None] * (sizes[:, :-1] - sizes[:, 1:])
    found = np.bincount(heights[tree.paths[:, :-1]].ravel(), parted.ravel(), heights[-1] + 1)[1:]
    return found / (len(labels) * (tree.num_classes - 1))


def plot_mistakes_by_height(
    labels: Tensor,
    predictions: Mapping[str, Tensor],
    tree: ClassTree | dict,
    *,
    title: str | None = None,
    ax: Axes | None = None,
    normalize: bool = False,
) -> Axes:
    """Bars of the mistakes of several models by the LCA height of label and prediction.

    The first model is the baseline: over the bars of the others stands the change of the number of
    mistakes at that height against it, where it has room. A dotted step shows where the baseline's
    mistakes would fall by chance, each wrong class drawn uniformly.

    Args:
        labels: Integer labels `[n]`.
        predictions: Predicted classes `[n]`, or scores `[n, K]`, by model name.
        tree: A `ClassTree`.
        title: Title of the Axes.
        ax: Axes to draw on; new ones by default.
        normalize: Show shares of each model's own mistakes, which separates where they fall from
            how many there are. The changes are left out then.

    Returns:
        The Axes. Heights are in levels, bars in % of all images (of all mistakes).

    Raises:
        ValueError: If predictions and labels do not fit, or there are more models than colors.

    Example:

    ```python
    best = {"cross-entropy": baseline.predict(x), "HAFrame": model.predict(x)}
    plot_mistakes_by_height(labels, best, tree)
    ```
    """
    tree = as_tree(tree)
    style.check_count(predictions, "predictions")
    labels = check_labels(labels, tree.num_classes, least=1)
    predictions = {
        name: check_predictions(p, labels, tree.num_classes, f"predictions[{name!r}]")
        for name, p in predictions.items()
    }
    distances = PairDistances(tree)
    heights = np.arange(1, tree.height + 1)
    from matplotlib.patheffects import withStroke

    from keras_haframe.plots.words import Fitted, first_fitting

    ax = style.axes(ax)
    width = 0.8 / len(predictions)
    first: np.ndarray = np.zeros(0)
    for i, (name, predicted) in enumerate(predictions.items()):
        d = ops.convert_to_numpy(distances(labels, predicted[:, None]))[:, 0].astype(np.int64)
        counts = np.bincount(d, minlength=len(heights) + 1)[1:]
        severity = f"severity {d[d > 0].mean():.2f}" if (d > 0).any() else "no mistakes"
        share = 100 * counts / (max(counts.sum(), 1) if normalize else len(labels))
        bars = ax.bar(
            heights + (i - (len(predictions) - 1) / 2) * width,
            share,
            width * 0.95,
            color=style.COLORS[i],
            label=f"{style.short(name)} ({severity})",
        )
        if not first.size:
            first = counts
        elif not normalize:
            halo = [withStroke(linewidth=1.5, foreground="white")]  # over the line of chance
            look = {"fontsize": 5, "ha": "center", "va": "bottom", "path_effects": halo}
            for bar, count, base in zip(bars, counts, first):
                change = f"{100 * (count / base - 1):+.0f}" if base else ""
                fits = functools.partial(first_fitting, (f"{change} %" if base else "", change))
                x, top = bar.get_x() + bar.get_width() / 2, bar.get_height()
                ax.add_artist(Fitted(x, top, fits, 1.1 * width, **look))
    total = 100.0 if normalize else 100 * first.sum() / len(labels)
    chance = total * chance_shares(labels, tree)
    ax.step(
        np.r_[heights - 0.5, heights[-1] + 0.5],
        np.r_[chance, chance[-1]],
        where="post",
        color="black",
        linestyle=":",
        linewidth=1,
        label=f"chance (severity {chance @ heights / max(chance.sum(), 1e-12):.2f})"
        if chance.sum()
        else "chance",
    )
    ax.set_xticks(heights)
    style.legend(ax, loc="upper left")
    # Room for the legend above the bars, which its lines would cross.
    ax.set_ylim(top=ax.get_ylim()[1] * (1.12 + 0.09 * len(predictions)))
    unit = "% of the mistakes" if normalize else "% of images"
    return style.tidy(ax, title, "LCA height of the mistake", unit)
