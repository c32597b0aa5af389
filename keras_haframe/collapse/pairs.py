"""Measures over pairs of classes, fed by one tiled pass over a Gram matrix.

`gram_pass` makes each tile of the upper triangle once and hands it to every measure: at ten
thousand classes the matrix product costs far more than all that is done with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_haframe.collapse.targets import EtfTarget, GramTarget, row_tiles


def gram_pass(vectors: np.ndarray, measures: Sequence[Any], tile_bytes: int | None = None) -> None:
    """Call `measure.add(rows, columns, tile)` for every tile of `vectors vectors'`.

    Tiles with equal `rows` and `columns` lie on the diagonal; the others lie above it and stand
    for themselves and their mirror image.

    Args:
        vectors: `[K, d]`.
        measures: Objects with the method `add`.
        tile_bytes: Largest size of a tile.
    """
    total = len(vectors)
    for rows in row_tiles(total, total, tile_bytes):
        block = vectors[rows] @ vectors[rows.start :].T
        size = rows.stop - rows.start
        for measure in measures:
            measure.add(rows, rows, block[:, :size])
            if rows.stop < total:
                measure.add(rows, slice(rows.stop, total), block[:, size:])


def product_norm(left: np.ndarray, right: np.ndarray) -> float:
    """Frobenius norm of `left right'` for `[K, d]` matrices, at the cost of `K d min(K, d)`.

    With K > d it is the trace of a product of two d x d matrices. That is exact for `left` and
    `right` alike, and loses digits where they are nearly orthogonal (`cross_gap` restores them).
    """
    if len(left) > left.shape[1]:
        own = left.T @ left
        other = own if left is right else right.T @ right
        return float(np.sqrt(max(np.vdot(own, other), 0.0)))
    tiles = (left[rows] @ right.T for rows in row_tiles(len(left), len(right)))
    return float(np.sqrt(sum(np.vdot(tile, tile) for tile in tiles)))


def _pair_values(rows: slice, columns: slice, tile: np.ndarray) -> np.ndarray:
    """Entries of pairs i < j: all of a tile above the diagonal, half of one on it."""
    if rows == columns:
        return tile[np.triu_indices(tile.shape[0], 1)]
    return tile


class GramGap:
    """`| V V' / |V V'|_F - target |_F`, NC2: in `[0, sqrt(2)]` for a positive semi-definite target.

    The difference is summed entry by entry. Expanding the square, `2 - 2 <A, B>`, would need no
    pass over the pairs but stops at 2e-8 by cancellation, just where collapse is.
    """

    def __init__(self, norm: float, target: EtfTarget | GramTarget):
        """`norm` is `|V V'|_F`, of `product_norm`."""
        self._factor = 1.0 / norm if norm > 0 else float("nan")
        self._target = target
        self._total = 0.0

    def add(self, rows: slice, columns: slice, tile: np.ndarray) -> None:
        """Add a tile of the Gram matrix, as `gram_pass` makes it."""
        gap = tile * self._factor - self._target.gram(rows, columns)
        self._total += float(np.vdot(gap, gap)) * (1 if rows == columns else 2)

    def result(self) -> float:
        """Return the distance of what was added."""
        return float(np.sqrt(self._total))


class AngleGap:
    """Differences between the cosines of all pairs and those of the target.

    `result()` gives `(mean |cos - target|, standard deviation of cos - target, smallest angle)`,
    the angle in degrees. For the ETF the second is the standard deviation of the cosines.
    """

    def __init__(self, vectors: np.ndarray, target: EtfTarget | GramTarget):
        self._norms = np.linalg.norm(vectors, axis=1)
        self._target = target
        self._count = 0
        self._absolute = self._mean = self._squares = 0.0
        self._largest = -np.inf

    def add(self, rows: slice, columns: slice, tile: np.ndarray) -> None:
        """Add a tile of the Gram matrix, as `gram_pass` makes it."""
        with np.errstate(divide="ignore", invalid="ignore"):
            cosines = tile / self._norms[rows, None] / self._norms[columns]
        gap = _pair_values(rows, columns, cosines - self._target.cosines(rows, columns))
        if not gap.size:
            return
        self._absolute += float(np.abs(gap).sum())
        self._largest = np.maximum(self._largest, _pair_values(rows, columns, cosines).max())
        # Merging means and squares keeps the deviation exact where all gaps are alike.
        mean = float(gap.mean())
        step, count = mean - self._mean, self._count + gap.size
        self._squares += float(np.sum((gap - mean) ** 2))
        self._squares += step**2 * self._count * gap.size / count
        self._mean += step * gap.size / count
        self._count = count

    def result(self) -> tuple[float, float, float]:
        """Return the three numbers of the pairs added; NaN without one."""
        if not self._count:
            return (float("nan"),) * 3
        angle = np.degrees(np.arccos(np.clip(self._largest, -1.0, 1.0)))
        deviation = np.sqrt(self._squares / self._count)
        return self._absolute / self._count, float(deviation), float(angle)


class DistanceVariance:
    """CDNV: mean over pairs of `(v_i + v_j) / (2 |mu_i - mu_j|^2)`, infinite if means coincide.

    Reference: Galanti, Gyorgy, Hutter, "On the role of neural collapse in transfer learning",
    ICLR 2022, section 2.2.
    """

    # Below this share of the squared norms a distance taken from the Gram matrix has lost more
    # than half of its digits and is taken from the vectors instead.
    _CLOSE = 1e-6

    def __init__(self, vectors: np.ndarray, variances: np.ndarray):
        self._vectors = vectors
        self._squares = np.einsum("ij,ij->i", vectors, vectors)
        self._variances = variances
        self._total, self._count = 0.0, 0

    def add(self, rows: slice, columns: slice, tile: np.ndarray) -> None:
        """Add a tile of the Gram matrix, as `gram_pass` makes it."""
        norms = self._squares[rows, None] + self._squares[columns]
        distances = norms - 2.0 * tile
        close = distances < self._CLOSE * norms
        if rows == columns:
            close = np.triu(close, 1)
        i, j = np.nonzero(close)
        for part in row_tiles(len(i), self._vectors.shape[1]):
            step = self._vectors[rows.start + i[part]] - self._vectors[columns.start + j[part]]
            distances[i[part], j[part]] = np.einsum("ij,ij->i", step, step)
        variances = self._variances[rows, None] + self._variances[columns]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = _pair_values(rows, columns, variances / (2.0 * distances))
        # 0 / 0: two classes on one point cannot be told apart, so this is not collapse.
        self._total += float(np.where(np.isnan(ratios), np.inf, ratios).sum())
        self._count += ratios.size

    def result(self) -> float:
        """Return the mean over the pairs added; NaN without one."""
        return self._total / self._count if self._count else float("nan")


def cross_gap(
    left: np.ndarray,
    right: np.ndarray,
    targets: Sequence[EtfTarget | GramTarget],
    tile_bytes: int | None = None,
) -> list[float]:
    """`| A M' / |A M'|_F - target |_F`, NC3, summed entry by entry over row tiles.

    Args:
        left: `[K, d]` classifier rows A.
        right: `[K, d]` class means M, centered or not as the targets are.
        targets: `EtfTarget` or `GramTarget` instances, of which the `cross` tiles are used.
        tile_bytes: Largest size of a tile.

    Returns:
        One distance per target; NaN where `A M'` is zero.
    """
    # First scaled with a guess of the norm. Once the pass has summed the exact one,
    # |aX - T|^2 = |gX - T|^2 + 2 (a - g) <X, gX - T> + (a - g)^2 |X|^2 corrects for it.
    guess = product_norm(left, right) or float(np.linalg.norm(left) * np.linalg.norm(right))
    if not guess > 0:
        return [float("nan")] * len(targets)
    square, everything = 0.0, slice(0, len(right))
    gaps, tilts = np.zeros((2, len(targets)))
    for rows in row_tiles(len(left), len(right), tile_bytes):
        tile = left[rows] @ right.T
        square += float(np.vdot(tile, tile))
        for index, target in enumerate(targets):
            gap = tile / guess - target.cross(rows, everything)
            gaps[index] += np.vdot(gap, gap)
            tilts[index] += np.vdot(tile, gap)
    if not square > 0:
        return [float("nan")] * len(targets)
    shift = 1.0 / np.sqrt(square) - 1.0 / guess
    return np.sqrt(np.maximum(gaps + 2.0 * shift * tilts + shift**2 * square, 0.0)).tolist()
