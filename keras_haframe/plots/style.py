"""What all figures share: color-blind safe colors, sizes that survive a paper column."""

from __future__ import annotations

from collections.abc import Sized
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

# Okabe and Ito's palette, without yellow, which fades on white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # beside color, for print and for the color-blind
DIVERGING = "RdBu_r"
SEQUENTIAL = "Blues"


def axes(ax: Axes | None = None, size: tuple[float, float] = (3.3, 2.5)) -> Axes:
    """Return `ax`, or new Axes of `size` inches; 3.3 is the width of a paper column."""
    if ax is not None:
        if not hasattr(ax, "get_figure"):
            raise ValueError(f"`ax` must be one matplotlib Axes. Received: {type(ax).__name__}")
        return ax
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=size, layout="constrained")
    return ax


def check_count(items: Sized, name: str) -> None:
    """Raise unless there is at least one item and a color for each."""
    if not 1 <= len(items) <= len(COLORS):
        raise ValueError(
            f"`{name}` must name 1 to {len(COLORS)} items, one color each. "
            f"Received: {len(items)}. Draw several figures."
        )


def short(name: str, letters: int = 26) -> str:
    """Name for a legend: the beginning and the end of a long one, which tell runs apart.

    Example:

    >>> short("convnext_tiny fine-tuned in two stages, seed 3")
    'convnext_tiny…ages, seed 3'
    """
    half = letters // 2
    return name if len(name) <= letters else f"{name[:half].strip()}…{name[1 - half :].strip()}"


def legend(ax: Axes, **options: Any) -> Legend:
    """Legend without a frame, in small print."""
    return ax.legend(**{"fontsize": 6, "title_fontsize": 6, "frameon": False, **options})


def legend_below(ax: Axes, **options: Any) -> Legend:
    """Legend under the axis label, where it covers no data; the layout makes room for it."""
    place = {"loc": "upper center", "bbox_to_anchor": (0.45, -0.2), "ncols": 2}
    return legend(ax, **{**place, **options})


def tidy(ax: Axes, title: str | None = None, x: str | None = None, y: str | None = None) -> Axes:
    """Title, labels and light frame."""
    if title:
        ax.set_title(title, fontsize=8)
    if x:
        ax.set_xlabel(x, fontsize=7)
    if y:
        ax.set_ylabel(y, fontsize=7)
    ax.tick_params(which="both", labelsize=6)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return ax
