"""Random changes of a batch of images in NumPy, for `ArrayBatches` on every backend."""

from __future__ import annotations

from typing import Literal

import numpy as np


def random_crop_and_flip(
    generator: np.random.Generator,
    images: np.ndarray,
    pad: int = 4,
    last: bool = True,
    mode: Literal["reflect", "constant"] = "reflect",
) -> np.ndarray:
    """Pad images, cut each at a random place to its size again, mirror half of them.

    Args:
        generator: `numpy.random.Generator`.
        images: `[B, H, W, C]`.
        pad: Pixels added on each side.
        last: Whether the last offset, `2 pad`, can be drawn; the papers' CIFAR code leaves it out.
        mode: `"reflect"`, or `"constant"` for black.

    Returns:
        `[B, H, W, C]`.

    Reference: CIFAR-100 settings of Liang and Davis, HAFrame (ICCV 2023).
    """
    n, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode)
    y, x = generator.integers(0, 2 * pad + bool(last), (2, n))
    columns = np.arange(width) + x[:, None]
    mirrored = generator.integers(0, 2, n).astype(bool)
    columns[mirrored] = columns[mirrored, ::-1]
    rows = np.arange(height) + y[:, None]
    return padded[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
