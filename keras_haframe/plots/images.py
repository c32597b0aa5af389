"""Sheets of images."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_haframe.plots import style
from keras_haframe.tree_ops.values import Tensor, to_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_images(
    images: Tensor,
    captions: Sequence[str] | None = None,
    *,
    columns: int = 8,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw images as one sheet with a caption below each.

    Args:
        images: `[n, H, W, 3]`, uint8, or floats of one of the usual ranges, told by their values: 0
            to 1, -1 to 1, or 0 to 255.
        captions: n strings, may have several lines; lines wider than their image are shortened.
        columns: Images per row.
        title: Title of the sheet.
        ax: Axes to draw on; new ones by default.

    Returns:
        The Axes.

    Raises:
        ValueError: If `images` are none or of another range, or there is not one caption for each.

    Example:

    ```python
    plot_images(images[:16], [tree.leaves[y] for y in labels[:16]])
    ```
    """
    images = to_numbers(images, "`images`")
    if images.ndim != 4 or images.shape[-1] != 3 or not images.size:
        raise ValueError(f"`images` must have shape [n, H, W, 3]. Received shape: {images.shape}")
    if images.dtype != np.uint8:
        images = _as_bytes(images)
    captions = [""] * len(images) if captions is None else list(captions)
    if len(captions) != len(images):
        raise ValueError(f"Received {len(images)} images but {len(captions)} captions.")
    n, height, width, _ = images.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    lines = max(c.count("\n") + 1 for c in captions) if any(captions) else 0
    space = int(height * 0.17 * lines) + 2
    sheet = np.full((rows * (height + space), columns * (width + 2), 3), 255, np.uint8)
    ax = style.axes(ax, (columns * 0.95, rows * 0.95 * (height + space) / height))
    from keras_haframe.plots.words import Fitted

    for i, (image, caption) in enumerate(zip(images, captions)):
        y, x = i // columns * (height + space), i % columns * (width + 2)
        sheet[y : y + height, x : x + width] = image
        words = functools.partial(_lines, caption)
        place = {"fontsize": 5.5, "ha": "center", "va": "top"}
        ax.add_artist(Fitted(x + width / 2, y + height + 1, words, float(width + 1), **place))
    ax.imshow(sheet, interpolation="nearest")
    ax.set_axis_off()
    if title:
        ax.set_title(title, fontsize=9)
    return ax


def _lines(caption: str, room: float, size: float) -> str:
    """Lines of a caption, those shortened that would run into the next one's."""
    from keras_haframe.plots.words import shorten

    return "\n".join(shorten(line, room, size) for line in caption.split("\n"))


def _as_bytes(images: np.ndarray) -> np.ndarray:
    """Map floats of a usual range, give or take a tenth that resizing adds, to 0 to 255."""
    least, most = float(images.min()), float(images.max())
    for low, high in ((0, 1), (-1, 1), (0, 255)):
        slack = 0.1 * min(high, abs(most))
        if low - slack <= least and most <= high + slack:
            scaled = (images.astype(np.float64) - low) / (high - low)
            return (np.clip(scaled, 0, 1) * 255).astype(np.uint8)
    raise ValueError(
        "`images` must be uint8, or floats from 0 to 1, -1 to 1 or 0 to 255. Received: values from "
        f"{least:.3g} to {most:.3g}. Draw them as they were before they were normalized."
    )
