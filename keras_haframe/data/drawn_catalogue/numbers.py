"""Random numbers that are functions of their place: the same on every machine, in any order."""

from __future__ import annotations

import numpy as np

_ODD = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def words(keys: np.ndarray, columns: int) -> np.ndarray:
    """64 random bits for every key and column.

    Whole-number arithmetic alone, so nothing depends on NumPy's version, the batch or the machine.

    Args:
        keys: uint64 `[n]`, what owns the numbers, such as a picture.
        columns: How many each owns.

    Returns:
        uint64 `[n, columns]`.

    Example:

    >>> bool((words(np.arange(9, dtype="uint64"), 4)[5:7]
    ...       == words(np.arange(5, 7, dtype="uint64"), 4)).all())
    True

    Reference: SplitMix64 of Steele, Lea and Flood, Fast splittable pseudorandom number generators
    (OOPSLA 2014); a key starts a sequence of its own.
    """
    start = _mixed(np.asarray(keys, np.uint64) * _ODD + _FIRST)
    steps = np.arange(1, columns + 1, dtype=np.uint64) * _ODD
    return _mixed(start[:, None] + steps)


def uniform(keys: np.ndarray, columns: int) -> np.ndarray:
    """Float64 `[n, columns]`, uniform in [0, 1), see `words`."""
    return (words(keys, columns) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(keys: np.ndarray, columns: int) -> np.ndarray:
    """Float64 `[n, columns]`, nearly normal with mean 0 and variance 1, see `words`.

    The sum of four uniform numbers of 16 bits each, within 3.5 of zero; exact, where a logarithm
    would differ in its last bit from machine to machine.
    """
    bits = words(keys, columns)
    parts = (bits >> np.uint64(16 * i) & np.uint64(0xFFFF) for i in range(4))
    total = sum(part.astype(np.float64) for part in parts)
    return (total - 2.0 * 0xFFFF) * (np.sqrt(3.0) / 0x10000)


def key(*parts: int | np.ndarray) -> np.ndarray:
    """One uint64 key of several whole numbers, such as seed, class and example: `[n]` of `[n]`."""
    result = np.zeros(1, np.uint64)
    for part in parts:
        result = _mixed(result * _ODD + np.asarray(part).astype(np.uint64) + _SECOND)
    return result


def _mixed(x: np.ndarray) -> np.ndarray:
    x = (x ^ (x >> np.uint64(30))) * _FIRST
    x = (x ^ (x >> np.uint64(27))) * _SECOND
    return x ^ (x >> np.uint64(31))
