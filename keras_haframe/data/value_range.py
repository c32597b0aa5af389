"""The values of images: what training saw, what a preparation makes, whether they agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

KNOWN = ((0.0, 255.0), (0.0, 1.0), (-1.0, 1.0))
PIXELS = 100_000  # that the percentiles are of


class ValueRange(NamedTuple):
    """Values of a batch of images.

    Attributes:
        least, most: The smallest and the largest.
        low, high: The first and the 99th percentile, which noise hardly moves.
    """

    least: float
    low: float
    high: float
    most: float

    @classmethod
    def of(cls, images: np.ndarray) -> ValueRange | None:
        """Measure images `[..., C]`; `None` where there is no pixel."""
        if not images.size:
            return None
        some = images.reshape(-1)[:: 1 + images.size // PIXELS]
        low, high = np.percentile(some.astype(np.float32), (1, 99))
        return cls(float(images.min()), float(low), float(high), float(images.max()))

    def __str__(self) -> str:
        return f"{self.least:.3g} to {self.most:.3g}"


def range_made(
    preparation: Callable[[Any], Any], channels: int = 3, size: tuple[int, int] = (64, 64)
) -> tuple[float, float] | None:
    """Values that a preparation makes of black and white.

    Args:
        preparation: A `Preprocessing` or a function from a uint8 image `[h, w, C]`.
        channels: C.
        size: `(h, w)` of the pictures that a function is tried on.

    Returns:
        `(low, high)` over all channels; `None` where they are equal or not finite, as of a function
        that normalizes each image by its own contrast.
    """
    scale = getattr(preparation, "scale", None)
    if scale is not None:  # a Preprocessing: what it makes of a pixel, without any resizing
        made = scale(np.array([[0], [255]], np.uint8).repeat(channels, axis=1))
    else:
        import tensorflow as tf

        pictures = [np.full((*size, channels), value, np.uint8) for value in (0, 255)]
        made = np.stack([np.asarray(preparation(tf.constant(picture))) for picture in pictures])
    low, high = float(np.min(made)), float(np.max(made))
    return (low, high) if np.isfinite([low, high]).all() and low < high else None


def disagreement(seen: ValueRange, made: tuple[float, float]) -> tuple[bool, str] | None:
    """Compare the values of images with those of a preparation.

    Images need not reach black and white, may have little contrast, and a random change may have
    added noise; so only what no such images explain counts: values far outside, a span below a
    fiftieth, or exactly the ends of another usual range.

    Args:
        seen: Values of images.
        made: What a preparation makes of black and white.

    Returns:
        `None` where they may be of one kind, else whether that is excluded, and the two in words.
    """
    low, high = made
    width, span = high - low, seen.most - seen.least
    slack = 0.4 * min(width, seen.high - seen.low)
    outside = seen.low < low - slack or seen.high > high + slack
    text = f"values from {seen}; black and white become {low:.3g} and {high:.3g}"
    if outside or 0 < span < width / 50:
        return True, text
    for known in KNOWN:
        if np.abs(np.subtract(known, made)).max() <= 0.1 * width:
            continue
        away = np.abs(np.subtract(known, (seen.least, seen.most))).max()
        within = known[0] <= seen.least and seen.most <= known[1]
        if away <= 1e-6 or (within and away <= 0.02 * (known[1] - known[0])):
            return bool(away <= 1e-6), text
    return None
