"""Vectors of signs for any number of nodes, made from a seed in blocks of a fast transform."""

from __future__ import annotations

from bisect import bisect_right

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
