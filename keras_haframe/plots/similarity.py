"""How target cosines fall with the LCA height."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_haframe.frames import TargetCosines
from keras_haframe.frames.diagnose import pairs_by_height
from keras_haframe.plots import style
from keras_haframe.tree import ClassTree, as_tree

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_similarity(
    tree: ClassTree | dict,
    gammas: Sequence[float] = (1.0, 2.0, 3.0, 5.0),
    *,
    min_similarity: str = "grid",
    convention: str = "depth",
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
        min_similarity: `"grid"` (the papers' search) or `"exact"`, see `frames.TargetCosines`.
        convention: Distance convention, see `ClassTree.distances`.
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
    targets = [
        TargetCosines(
            tree, gamma, min_similarity=min_similarity, convention=convention, mapping=mapping
        )
        for mapping, gamma in kinds
    ]
    heights = np.append(0, pairs_by_height(tree, convention)[0])
    fine = np.linspace(0.0, heights.max(), 101)
    ax = style.axes(ax)
    for target, color, marker in zip(targets, style.COLORS, style.MARKERS):
        linearly = target.mapping == "linear"
        name = "linear" if linearly else f"$\\gamma$ = {target.gamma:g}"
        ax.plot(fine, target.at(fine), color=color, linewidth=0.9)
        ax.plot(
            heights,
            target.at(heights),
            marker,
            color=color,
            markersize=3.5,
            label=f"{name}, $s_{{min}}$ = {target.s_min:.3f}",
        )
        edge = [heights.max() * 1.02, heights.max() * 1.07]
        ax.plot(edge, [target.s_min] * 2, color=color, clip_on=False)
    ax.axhline(0, color="0.7", linewidth=0.5, zorder=0)
    lowest = min(target.s_min for target in targets)
    ax.text(heights.max() * 1.09, lowest, "$s_{min}$", fontsize=6, va="center")
    ax.set_xlim(-0.02 * heights.max(), heights.max() * 1.08)
    ax.set_xticks(range(int(heights.max()) + 1))
    style.legend(ax)
    return style.tidy(ax, title, "LCA height of two classes", "target cosine")
