"""Which patches a masked autoencoder hides, drawn in the graph by one argsort of noise."""

from __future__ import annotations

import math

import numpy as np
from keras import ops, random

from keras_haframe.tree_ops.values import Tensor

SAMPLINGS = ("random", "block", "grid")
RECTANGLES = 24  # of "block" per image; as many as it takes to hide the ratio


def visible_count(patches: int, ratio: float) -> int:
    """How many patches stay visible: `L (1 - ratio)`, rounded down.

    Raises:
        ValueError: If the ratio is not between 0 and 1, or leaves no patch visible or none hidden.

    Example:

    >>> visible_count(196, 0.75), visible_count(16, 0.6)
    (49, 6)
    """
    if not 0 < ratio < 1:
        raise ValueError(f"`mask_ratio` must be between 0 and 1. Received: mask_ratio={ratio}")
    count = math.floor(round(patches * (1 - ratio), 9))  # 10 (1 - 0.9) is 0.99... in floats
    if not 0 < count < patches:
        raise ValueError(
            f"`mask_ratio` must leave a patch visible and hide another. Received: mask_ratio="
            f"{ratio}, which leaves {count} of {patches} visible"
        )
    return count


def mask_noise(
    sampling: str,
    batch: Tensor,
    grid: tuple[int, int],
    ratio: float,
    seed: random.SeedGenerator | None = None,
) -> Tensor:
    """Draw a number per patch; those with the smallest numbers stay visible.

    Args:
        sampling: `"random"`; `"block"`, rectangles are hidden one after another, after BEiT; or
            `"grid"`, of every 2 x 2 patches one stays visible before any second.
        batch: Number of images, may be a tensor.
        grid: Rows and columns of patches.
        ratio: Part that will be hidden; `"block"` draws no larger rectangle.
        seed: Generator of random numbers.

    Returns:
        float32 `[B, L]`, distinct with probability one.

    Raises:
        ValueError: For an unknown sampling.
    """
    if sampling not in SAMPLINGS:
        raise ValueError(f"`sampling` must be one of {SAMPLINGS}. Received: {sampling!r}")
    rows, columns = grid
    noise = random.uniform((batch, rows * columns), dtype="float32", seed=seed)
    if sampling == "random":
        return noise
    row, column = np.divmod(np.arange(rows * columns), columns)
    if sampling == "grid":
        return noise + np.float32((row % 2 != 0) | (column % 2 != 0))
    return noise + _uncovered_longest(batch, row, column, grid, ratio, seed)


def _uncovered_longest(
    batch: Tensor, row: np.ndarray, column: np.ndarray, grid: tuple[int, int], ratio: float,
    seed: random.SeedGenerator | None,
) -> Tensor:  # fmt: skip
    """Give smaller numbers to patches that random rectangles cover later."""
    draws = random.uniform((4, batch, RECTANGLES, 1), dtype="float32", seed=seed)
    size, shape, top, left = (draws[i] for i in range(4))
    area = (0.08 + (max(ratio, 0.08) - 0.08) * size) * grid[0] * grid[1]
    aspect = ops.exp((2 * shape - 1) * math.log(1 / 0.3))
    height = ops.clip(ops.round(ops.sqrt(area * aspect)), 1, grid[0])
    width = ops.clip(ops.round(ops.sqrt(area / aspect)), 1, grid[1])
    top = ops.floor(top * (grid[0] + 1 - height))
    left = ops.floor(left * (grid[1] + 1 - width))
    row, column = (ops.convert_to_tensor(v, "float32") for v in (row, column))
    inside = (row >= top) & (row < top + height) & (column >= left) & (column < left + width)
    order = np.arange(RECTANGLES, 0, -1, dtype="float32")[:, None]  # the first counts most
    return ops.max(ops.where(inside, order, 0.0), axis=1)


def split_patches(noise: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Sort patches by noise: the first `count` stay visible.

    Args:
        noise: `[B, L]`.
        count: Number of visible patches.

    Returns:
        `visible` int32 `[B, count]`, the patches that stay, in the order of the noise; `restore`
        int32 `[B, L]`, where every patch went; `mask` float32 `[B, L]`, 1 for hidden.

    Example:

    >>> visible, restore, mask = split_patches([[0.3, 0.1, 0.2]], 1)
    >>> [keras.ops.convert_to_numpy(v).tolist() for v in (visible, restore, mask)]
    [[[1]], [[2, 0, 1]], [[1.0, 0.0, 1.0]]]
    """
    shuffle = ops.argsort(noise, axis=1)
    restore = ops.argsort(shuffle, axis=1)
    return shuffle[:, :count], restore, ops.cast(restore >= count, "float32")


def take_tokens(tokens: Tensor, rows: Tensor) -> Tensor:
    """Tokens `[B, m, D]` in the order of `rows` `[B, m]`, of `tokens` `[B, n, D]`."""
    return ops.take_along_axis(tokens, rows[..., None], axis=1)
