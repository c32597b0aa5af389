"""How target cosines fall with the LCA height."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_haframe import frames
from keras_haframe.plots import style
from keras_haframe.tree import ClassTree, as_tree

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_similarity(
    tree: ClassTree | dict,
    gammas: Sequence[float] = (1.0, 2.0, 3.0, 5.0),
    *,
    min_similarity: str = "exact",
    linear: bool = False,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the target cosine of two classes against the height of their LCA, for several gammas.

    Each gamma has its own smallest possible `s_min`, marked by a tick at the right edge and given
    in the legend. A larger gamma lets cosines fall off sooner; small gammas reach lower.

    Args:
        tree: A `ClassTree`.
        gammas: Decays to compare, positive.
        min_similarity: `"exact"` or `"grid"`, see `frames.min_similarity`.
        linear: Add the linear mapping.
        title: Title of the Axes.
        ax: Axes to draw on; new ones by default.

    Returns:
        The Axes. Heights are in levels.

    Raises:
        ValueError: For a gamma that is not positive, or too many gammas.

    Example:

    ```python
    plot_similarity(tree, gammas=(1.0, 5.0))
    ```

    Reference: Liang and Davis, HAFrame (ICCV 2023), distance-to-cosine mapping.
    """
    tree = as_tree(tree)
    gammas = [float(g) for g in np.atleast_1d(np.asarray(gammas, np.float64))]
    kinds = [("exponential", g) for g in gammas] + ([("linear", 1.0)] if linear else [])
    style.check_count(kinds, "gammas")
    limits = [frames.min_similarity(tree, g, min_similarity, mapping) for mapping, g in kinds]
    heights = np.unique(tree.distances())
    fine = np.linspace(0.0, 1.0, 101)
    ax = style.axes(ax)
    for (mapping, gamma), s_min, color, marker in zip(kinds, limits, style.COLORS, style.MARKERS):

        def cosine(
            share: np.ndarray,
            mapping: str = mapping,
            gamma: float = gamma,
            s_min: float = s_min,
        ) -> np.ndarray:
            decay = np.exp(-gamma * share) if mapping == "exponential" else 1 - share
            return (1 - s_min) * decay + s_min

        name = f"$\\gamma$ = {gamma:g}" if mapping == "exponential" else "linear"
        ax.plot(fine * heights.max(), cosine(fine), color=color, linewidth=0.9)
        ax.plot(
            heights,
            cosine(heights / heights.max()),
            marker,
            color=color,
            markersize=3.5,
            label=f"{name}, $s_{{min}}$ = {s_min:.3f}",
        )
        edge = [heights.max() * 1.02, heights.max() * 1.07]
        ax.plot(edge, [s_min] * 2, color=color, clip_on=False)
    ax.axhline(0, color="0.7", linewidth=0.5, zorder=0)
    ax.text(heights.max() * 1.09, min(limits), "$s_{min}$", fontsize=6, va="center")
    ax.set_xlim(-0.02 * heights.max(), heights.max() * 1.08)
    ax.set_xticks(range(int(heights.max()) + 1))
    style.legend(ax)
    return style.tidy(ax, title, "LCA height of two classes", "target cosine")
