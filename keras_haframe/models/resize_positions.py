"""Positions of a vision transformer for images of another size."""

from __future__ import annotations

import numpy as np


def resize_positions(
    positions: np.ndarray, grid: tuple[int, int], new_grid: tuple[int, int]
) -> np.ndarray:
    """Resize positions `[L, D]` from one grid to another by cubic convolution, as PyTorch does."""
    if tuple(grid) == tuple(new_grid):
        return positions
    table = positions.reshape(*grid, -1)
    down, right = (_cubic(old, new) for old, new in zip(grid, new_grid))
    return np.einsum("ir,jc,rcd->ijd", down, right, table).reshape(-1, table.shape[-1])


def _cubic(old: int, new: int, a: float = -0.75) -> np.ndarray:
    """Weights `[new, old]` of cubic convolution; border values go on outside."""
    place = (np.arange(new) + 0.5) * old / new - 0.5
    first, weights = np.floor(place).astype(int), np.zeros((new, old))
    for k in range(-1, 3):
        t = np.abs(place - first - k)
        near, far = ((a + 2) * t - (a + 3)) * t**2 + 1, a * (((t - 5) * t + 8) * t - 4)
        np.add.at(
            weights, (np.arange(new), np.clip(first + k, 0, old - 1)), np.where(t <= 1, near, far)
        )
    return weights
