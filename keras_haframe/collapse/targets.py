"""What the Gram matrix of class means should become: the simplex ETF or any given matrix.

Both targets give rectangular tiles of three K x K matrices, so that none of them is ever whole in
memory: `gram` (NC2) and `cross` (NC3), scaled to unit Frobenius norm, and `cosines`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from keras_haframe.tree_ops.options import check_choice
from keras_haframe.tree_ops.values import Tensor, to_numpy

TILE_BYTES = 2**26
CONVENTIONS = ("class", "sample")
GivenTarget: TypeAlias = Any  # a Gram matrix `[K, K]`, or a function from indices to its rows


def check_convention(mean: str) -> str:
    """`mean` if it names a convention.

    Raises:
        ValueError: If it does not.
    """
    return check_choice("mean", mean, CONVENTIONS, ", the mean of class means or of all samples")


def class_prior(counts: Tensor, mean: str = "class") -> np.ndarray:
    """Weights of the class means in the global mean.

    Args:
        counts: `[K]` samples per class, all positive.
        mean: `"class"` for equal weights, `"sample"` for weights in proportion to the counts.
            They agree on balanced data only; published numbers use either.

    Returns:
        Float64 `[K]`, summing to one.

    Example:

    >>> class_prior([1, 3], "sample")
    array([0.25, 0.75])
    """
    counts = np.asarray(counts, np.float64)
    if check_convention(mean) == "class":
        return np.full(counts.shape, 1.0 / counts.size)
    return counts / counts.sum()


def center(means: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """`[K, d]` class means minus their `prior`-weighted mean."""
    # The second pass removes what rounding left of a large common offset in the first.
    centered = means - prior @ means
    centered -= prior @ centered
    return centered


def row_tiles(rows: int, columns: int, tile_bytes: int | None = None) -> Iterator[slice]:
    """Slices of `range(rows)` whose float64 tiles `[t, columns]` keep within `tile_bytes`."""
    height = max(1, (tile_bytes or TILE_BYTES) // (8 * max(columns, 1)))
    return (slice(i, min(i + height, rows)) for i in range(0, rows, height))


class EtfTarget:
    """The simplex equiangular tight frame of K classes, `(I - 11'/K) / sqrt(K - 1)`.

    It is the same for both conventions of the center, as in the published measures.

    Reference: Papyan, Han, Donoho, PNAS 2020, theorem 1 and figures 2-5.
    """

    def __init__(self, num_classes: int):
        self.num_classes = num_classes
        self.lengths = np.ones(num_classes)  # relative norms of the vectors at collapse

    def gram(self, rows: slice, columns: slice) -> np.ndarray:
        """`[rows, columns]` tile of the normalized Gram matrix."""
        i = np.arange(rows.start, rows.stop)[:, None]
        j = np.arange(columns.start, columns.stop)
        return ((i == j) - 1.0 / self.num_classes) / np.sqrt(self.num_classes - 1.0)

    cross = gram

    def cosines(self, rows: slice, columns: slice) -> np.ndarray:
        """Cosines of different vectors, all `-1 / (K - 1)`."""
        del rows, columns
        return np.asarray(-1.0 / (self.num_classes - 1.0))


class GramTarget:
    """A given Gram matrix S, such as the target cosines of a hierarchy-aware frame.

    If the class means are `c w_k` with `w_k . w_l = S_kl`, centering with weights `pi` turns their
    Gram matrix into `c^2 C S C'` and their products with the frame into `c S C'`,
    `C = I - 1 pi'`. These are compared, so the measures vanish at collapse onto the frame.

    Args:
        source: What `check_target` returned.
        present: Int `[k]`, indices of the classes to keep: those without a sample are dropped
            from S before centering.
        prior: `[k]` weights pi, or None to compare without centering, against S itself.
    """

    def __init__(self, source: GivenTarget, present: np.ndarray, prior: np.ndarray | None):
        self._source = source
        self._present = present
        self._all = not callable(source) and len(present) == len(source)
        k = len(present)
        self._mean = np.zeros(k)  # S pi
        self._grand = 0.0  # pi' S pi
        if prior is not None:
            for rows in row_tiles(k, k):
                self._mean[rows] = self._raw(rows, slice(0, k)) @ prior
            self._grand = float(prior @ self._mean)
        self._scale = self._cross_scale = 1.0
        squares = cross_squares = 0.0
        lengths = np.empty(k)
        for rows in row_tiles(k, k):
            tile = self.gram(rows, slice(0, k))
            squares += float(np.vdot(tile, tile))
            lengths[rows] = np.diagonal(tile, offset=rows.start)
            tile = self.cross(rows, slice(0, k))
            cross_squares += float(np.vdot(tile, tile))
        with np.errstate(divide="ignore"):
            self._scale = 1.0 / np.sqrt(squares)
            self._cross_scale = 1.0 / np.sqrt(cross_squares)
        self.lengths = np.sqrt(np.maximum(lengths, 0.0))

    def _raw(self, rows: slice, columns: slice) -> np.ndarray:
        if self._all:
            return np.asarray(self._source[rows, columns], np.float64)
        index = self._present[rows]
        if callable(self._source):
            tile = to_numpy(self._source(index), "target").astype(np.float64)
            if tile.ndim != 2 or len(tile) != len(index) or tile.shape[1] <= self._present[-1]:
                raise ValueError(
                    "`target` as a callable must return rows [len(indices), K] of the Gram "
                    f"matrix. Received shape {tile.shape} for {len(index)} indices."
                )
            return tile[:, self._present[columns]]
        return np.asarray(self._source[np.ix_(index, self._present[columns])], np.float64)

    def gram(self, rows: slice, columns: slice) -> np.ndarray:
        """`[rows, columns]` tile of `C S C'` (or S) over its Frobenius norm."""
        tile = self._raw(rows, columns) - self._mean[rows, None] - self._mean[columns]
        return (tile + self._grand) * self._scale

    def cross(self, rows: slice, columns: slice) -> np.ndarray:
        """`[rows, columns]` tile of `S C'` (or S) over its Frobenius norm."""
        return (self._raw(rows, columns) - self._mean[rows, None]) * self._cross_scale

    def cosines(self, rows: slice, columns: slice) -> np.ndarray:
        """Cosines of the centered (or raw) target vectors."""
        # `lengths` are those of the unscaled matrix.
        with np.errstate(divide="ignore", invalid="ignore"):
            tile = self.gram(rows, columns) / self._scale
            return tile / self.lengths[rows, None] / self.lengths[columns]


def check_target(target: GivenTarget | None, num_classes: int) -> GivenTarget | None:
    """Return a usable target: None for the ETF, a symmetric `[K, K]` array, or a callable.

    Raises:
        ValueError: On a wrong shape, values which are not finite, an asymmetric matrix or a
            diagonal which is not positive.
    """
    if target is None or callable(target):
        return target
    gram = to_numpy(target, "target")
    if gram.shape != (num_classes, num_classes):
        raise ValueError(
            f"`target` must be a Gram matrix of shape {(num_classes, num_classes)}, a callable "
            f"giving its rows, or None for the simplex ETF. Received shape: {gram.shape}. "
            "For a frame W [K, d] pass W @ W.T."
        )
    if gram.dtype != np.float64:
        gram = gram.astype(np.float64)
    everything = slice(0, num_classes)
    for rows in row_tiles(num_classes, num_classes):
        tile = gram[rows, everything]
        if not np.isfinite(tile).all():
            raise ValueError("`target` must be finite. Received NaN or infinity.")
        gap = float(np.abs(tile - gram[everything, rows].T).max())
        # float32 frames give Gram matrices symmetric to about 1e-7.
        if gap > 1e-5 * float(np.abs(tile).max()):
            raise ValueError(f"`target` must be symmetric. Received: asymmetry of {gap:.3g}.")
    if float(gram.diagonal().min()) <= 0:
        raise ValueError("`target` must have a positive diagonal: it holds squared norms.")
    return gram
