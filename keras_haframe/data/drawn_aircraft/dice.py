"""Random numbers that belong to one image each, whatever batch the image is drawn in."""

from __future__ import annotations

import numpy as np

NUMBERS_PER_IMAGE = 96


class Dice:
    """Hands out random columns, one value per image.

    Image `i` of a stream owns the generator seeded with `(seed, i)`. Its numbers are
    drawn once, and each call takes the next column, so an image depends on neither
    its neighbors nor the batch size.

    Args:
        seed: Non-negative integer or sequence of them.
        start: Index of the batch's first image in the stream.
        count: Number of images in the batch.

    Raises:
        ValueError: If the seed is negative.

    Example:

    >>> dice = Dice(seed=0, start=0, count=4)
    >>> dice.uniform(0.0, 1.0).shape
    (4, 1)
    """

    def __init__(self, seed: int | tuple[int, ...], start: int, count: int):
        words = [seed] if isinstance(seed, (int, np.integer)) else list(seed)
        if min(words) < 0:
            raise ValueError(f"`seed` must not be negative. Received: seed={seed}.")
        self.generators = [np.random.default_rng([*words, i]) for i in range(start, start + count)]
        columns = [g.random(NUMBERS_PER_IMAGE, np.float32) for g in self.generators]
        self._columns = iter(np.stack(columns, axis=1)[:, :, None])

    def _next(self) -> np.ndarray:
        column = next(self._columns, None)
        if column is None:
            raise RuntimeError(f"More than NUMBERS_PER_IMAGE={NUMBERS_PER_IMAGE} columns taken.")
        return column

    def uniform(self, low: float, high: float) -> np.ndarray:
        """Return a float32 column `[count, 1]`, uniform between `low` and `high`."""
        return low + (high - low) * self._next()

    def chance(self, probability: float) -> np.ndarray:
        """Return a boolean column `[count, 1]`, true with the given probability."""
        return self._next() < probability

    def color(self, low: float, high: float) -> np.ndarray:
        """Return colors `[count, 3]` with independent channels between `low` and `high`."""
        return np.concatenate([self.uniform(low, high) for _ in range(3)], axis=1)

    def grid(self, size: int) -> np.ndarray:
        """Return a random grid `[count, size, size]` between 0 and 1 for every image."""
        return np.stack([g.random((size, size), np.float32) for g in self.generators])

    def normal(self, *shape: int) -> np.ndarray:
        """Return standard normal noise `[count, *shape]`."""
        return np.stack([g.standard_normal(shape, np.float32) for g in self.generators])
