"""Vectors of signs for any number of nodes, made from a seed in blocks of a fast transform."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

import numpy as np
import scipy.linalg

WORD = 64  # bits of one draw


def hadamard_factors(dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Walsh-Hadamard matrices `A`, `B`; `kron(A, B)` is that of the next power of two >= `dim`."""
    bits = (dim - 1).bit_length()
    return tuple(scipy.linalg.hadamard(2**n).astype(float) for n in (bits // 2, bits - bits // 2))


def signs(seed: int, blocks: int, dim: int) -> np.ndarray:
    """Random signs int8 `[blocks, dim]`, equal on every machine and with every NumPy.

    Sign `i` of the flattened array is `1 - 2 b`, `b` the bit `i % 64` (the lowest is 0) of word
    `i // 64` of `numpy.random.PCG64(seed).random_raw()`: NumPy keeps the stream of a bit generator
    for good, those of a `Generator`'s methods it may change.
    """
    count = blocks * dim
    words = np.random.PCG64(seed).random_raw(-(-count // WORD)).astype("<u8")
    bits = np.unpackbits(words.view(np.uint8), count=count, bitorder="little")
    return (1 - 2 * bits.astype(np.int8)).reshape(blocks, dim)


def places(families: np.ndarray, block: int) -> np.ndarray:
    """Place of every node in blocks of `block` places, families kept together where that is cheap.

    A family that does not fit into what is left of a block starts the next one if that leaves at
    most an eighth of the block empty, and is split otherwise. Families of at most `block / 8` nodes
    are never split.

    Args:
        families: `[n]`, number of every node's family, equal numbers side by side.
        block: Places of a block.

    Returns:
        int64 `[n]`, rising; node `i` lies in block `places[i] // block`.

    Example:

    >>> places(np.array([0, 0, 0, 0, 0, 0, 0, 1, 1]), 8)  # the eighth place stays empty
    array([0, 1, 2, 3, 4, 5, 6, 8, 9])
    """
    count = len(families)
    starts = np.flatnonzero(np.r_[True, families[1:] != families[:-1]]).tolist()
    cuts = [0]
    while cuts[-1] + block < count:
        cut = cuts[-1] + block
        start = starts[bisect_right(starts, cut) - 1]
        cuts.append(start if cuts[-1] < start and cut - start <= block // 8 else cut)
    numbers = np.repeat(np.arange(len(cuts)), np.diff([*cuts, count]))
    return numbers * block + np.arange(count) - np.asarray(cuts)[numbers]


class NodeVectors(NamedTuple):
    """Sign vectors of some nodes, unit vectors of length `dim`.

    `signs` is int8 `[blocks, dim]`, `slots` int64 `[n]`: slot `p * blocks + b` is row `p` of the
    Hadamard matrix times the signs of block `b`. That order makes the transform of a batch one
    product of matrices without a transposition. Where the vectors are axes of the features,
    `signs` has no rows and `slots` are the axes.
    """

    signs: np.ndarray
    slots: np.ndarray

    @property
    def dim(self) -> int:
        """Length of the vectors."""
        return self.signs.shape[1]

    def values(self, x: np.ndarray) -> np.ndarray:
        """Inner products `[n, B]` with features `x` `[dim, B]`, by the transform."""
        if not len(self.signs):
            return x[self.slots]
        a, b = hadamard_factors(self.dim)
        full = np.zeros((len(a) * len(b), len(self.signs), x.shape[1]))
        full[: self.dim] = self.signs.T[:, :, None] * x[:, None] / np.sqrt(self.dim)
        full = a @ full.reshape(len(a), -1)
        full = b @ full.reshape(len(a), len(b), -1)
        return full.reshape(-1, x.shape[1])[self.slots]

    def rows(self, which: np.ndarray) -> np.ndarray:
        """Vectors `[m, dim]` of some of the nodes."""
        if not len(self.signs):
            return (self.slots[which, None] == np.arange(self.dim)).astype(float)
        a, b = hadamard_factors(self.dim)
        row, block = np.divmod(self.slots[which], len(self.signs))
        high, low = np.divmod(row, len(b))
        rows = (a[high][:, :, None] * b[low][:, None]).reshape(len(row), -1)
        return rows[:, : self.dim] * self.signs[block] / np.sqrt(self.dim)
