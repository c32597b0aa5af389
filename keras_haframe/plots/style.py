"""What all figures share: colour-blind safe colours, sizes that survive a paper column."""

from __future__ import annotations

# Okabe and Ito's palette, without yellow, which fades on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DIVERGING = "RdBu_r"


def axes(ax=None, size: tuple[float, float] = (3.4, 2.6)):
    """Return `ax`, or new Axes of `size` inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=size, layout="constrained")
    return ax


def tidy(ax, title: str | None = None, x: str | None = None, y: str | None = None):
    """Title, labels and light frame."""
    if title:
        ax.set_title(title, fontsize=9)
    if x:
        ax.set_xlabel(x, fontsize=8)
    if y:
        ax.set_ylabel(y, fontsize=8)
    ax.tick_params(labelsize=7)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return ax
