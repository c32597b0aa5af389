"""Counts, class means, pooled scatter and class variances in one exact streaming pass.

`FeatureCache` holds the features beside them while they are few, for a second pass.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_haframe.collapse.checks import check_matrix
from keras_haframe.tree_ops.checks import check_labels
from keras_haframe.tree_ops.options import check_count
from keras_haframe.tree_ops.values import Tensor

# Rows taken to float64 at once: bounds the memory of a huge batch, leaves the products large.
TILE_ROWS = 4096
# Centered rows collected before they enter the scatter matrix: small batches would otherwise pay
# for reading and writing all of its d^2 numbers each time.
PENDING_ROWS = 1024


class ClassStatistics:
    """Running first and second moments of class-labeled features, in float64.

    The memory is `K d + d^2 + 2 K` numbers, plus 1,024 rows of width d waiting to be multiplied,
    whatever the number of samples. The result does not
    depend on the cut into batches beyond float64 rounding, and neither does `merge`.

    For the `b` rows of one class in a batch, with batch mean `m`, and `n` rows seen before with
    mean `mu`, the scatter about the common mean grows by

        sum_i (f_i - m)(f_i - m)' + n b / (n + b) (m - mu)(m - mu)'
            = sum_i (f_i - c)(f_i - c)',    c = m - sqrt(n / (n + b)) (m - mu),

    because the residuals `f_i - m` sum to zero. One subtraction and one matrix product per batch
    therefore update everything, without a loop over classes and without cancellation.

    Args:
        num_classes: K, the number of classes.
        dim: D, the width of the features.

    Attributes:
        counts: int64 `[K]`, samples seen per class.
        means: `[K, d]`, class means; rows of zeros for classes not seen.
        scatter: `[d, d]`, sum over samples of `(f - mu_y)(f - mu_y)'`.
        squares: `[K]`, sum of squared distances to the own class mean.

    Example:

    >>> statistics = ClassStatistics(num_classes=2, dim=1)
    >>> statistics.update([[1.0], [3.0], [7.0]], [0, 0, 1])
    >>> statistics.means.ravel(), statistics.scatter.item()
    (array([2., 7.]), 2.0)

    Reference: Chan, Golub, LeVeque, "Algorithms for computing the sample variance", 1983, eq. 1.5.
    """

    def __init__(self, num_classes: int, dim: int):
        self.num_classes = check_count(num_classes, "num_classes")
        self.dim = check_count(dim, "dim")
        self.counts = np.zeros(self.num_classes, np.int64)
        self.means = np.zeros((self.num_classes, self.dim))
        self.squares = np.zeros(self.num_classes)
        self._scatter = np.zeros((self.dim, self.dim))
        self._pending: np.ndarray | None = None
        self._waiting = 0

    @property
    def scatter(self) -> np.ndarray:
        """`[d, d]` pooled within-class scatter, not divided by the number of samples."""
        if self._waiting and self._pending is not None:
            rows = self._pending[: self._waiting]
            self._scatter += rows.T @ rows
            self._waiting = 0
        return self._scatter

    def update(self, features: Tensor, labels: Tensor) -> None:
        """Add a batch: `features` `[B, d]`, integer `labels` `[B]`. B may be zero.

        Raises:
            ValueError: On wrong shapes, labels out of range, NaN or infinite features. Nothing
                is added then.
        """
        features = check_matrix(features, "features", None, self.dim)
        self.add(features, check_labels(labels, self.num_classes, len(features)))

    def add(self, features: np.ndarray, labels: np.ndarray) -> None:
        """`update` without the checks: finite `[B, d]` and int64 `[B]` in range."""
        for start in range(0, len(labels), TILE_ROWS):
            tile = slice(start, start + TILE_ROWS)
            self._absorb(features[tile], labels[tile])

    def _absorb(self, features: np.ndarray, labels: np.ndarray) -> None:
        order = np.argsort(labels, kind="stable")
        labels = labels[order]
        rows = features[order].astype(np.float64, copy=False)  # a copy already: indexed
        starts = np.flatnonzero(np.r_[True, labels[1:] != labels[:-1]])
        sizes = np.diff(np.r_[starts, labels.size])
        present = labels[starts]

        # The first row of each class serves as origin, so a large common offset costs no digits.
        origin = rows[starts]
        rows -= np.repeat(origin, sizes, axis=0)
        mean = np.add.reduceat(rows, starts, axis=0) / sizes[:, None]

        before = self.counts[present]
        after = before + sizes
        step = origin + mean - self.means[present]
        center = mean - np.sqrt(before / after)[:, None] * step
        rows -= np.repeat(center, sizes, axis=0)

        self._spread(rows)
        self.squares[present] += np.add.reduceat(np.einsum("ij,ij->i", rows, rows), starts)
        self.means[present] += step * (sizes / after)[:, None]
        self.counts[present] = after

    def _spread(self, rows: np.ndarray) -> None:
        """Add `rows' rows` to the scatter matrix, now or once enough rows have come together."""
        if len(rows) >= PENDING_ROWS:
            self._scatter += rows.T @ rows
            return
        if self._pending is None:
            self._pending = np.empty((PENDING_ROWS, self.dim))
        if self._waiting + len(rows) > PENDING_ROWS:
            _ = self.scatter  # multiplies what waits
        self._pending[self._waiting : self._waiting + len(rows)] = rows
        self._waiting += len(rows)

    def merge(self, other: ClassStatistics) -> None:
        """Add what another accumulator has seen, as if it had been seen here.

        Raises:
            ValueError: If the numbers of classes or the widths differ.
        """
        if (self.num_classes, self.dim) != (other.num_classes, other.dim):
            raise ValueError(
                "Only statistics of the same `num_classes` and `dim` can be merged. Received: "
                f"{(other.num_classes, other.dim)}, expected {(self.num_classes, self.dim)}."
            )
        seen = np.flatnonzero(other.counts)
        before, more = self.counts[seen], other.counts[seen]
        share = more / (before + more)
        step = other.means[seen] - self.means[seen]
        rows = np.sqrt(before * share)[:, None] * step
        self._scatter = self.scatter + other.scatter + rows.T @ rows
        self.squares[seen] += other.squares[seen] + np.einsum("ij,ij->i", rows, rows)
        self.means[seen] += step * share[:, None]
        self.counts[seen] = before + more

    def state(self) -> dict[str, np.ndarray]:
        """Return the four arrays by name, as copies: enough for `from_state` in another process."""
        names = ("counts", "means", "scatter", "squares")
        return {name: getattr(self, name).copy() for name in names}

    @classmethod
    def from_state(cls, state: dict[str, np.ndarray]) -> ClassStatistics:
        """Rebuild an accumulator from `state()`.

        Raises:
            ValueError: If an array is missing, has the wrong shape or holds impossible values.
        """
        missing = {"counts", "means", "scatter", "squares"} - set(state)
        if missing:
            raise ValueError(f"`state` lacks {sorted(missing)}. Pass what `state()` returned.")
        means = np.asarray(state["means"], np.float64)
        if means.ndim != 2:
            raise ValueError(f"`means` in `state` must be [K, d]. Received shape: {means.shape}.")
        new = cls(*means.shape)
        for name in ("means", "scatter", "squares", "counts"):
            array, own = np.asarray(state[name]), getattr(new, name)  # filled in place below
            if array.shape != own.shape or not np.isfinite(array).all():
                raise ValueError(
                    f"`{name}` in `state` must be finite and of shape {own.shape}. "
                    f"Received shape: {array.shape}."
                )
            own[...] = array
        if (new.counts < 0).any() or (new.counts != state["counts"]).any():
            raise ValueError("`counts` in `state` must be whole numbers, not negative.")
        return new

    @property
    def variances(self) -> np.ndarray:
        """`[K]` mean squared distance to the class mean; zero for classes with under two rows."""
        return self.squares / np.maximum(self.counts, 1)


class FeatureCache:
    """Every feature row while they fit into `budget` bytes, and none once they do not.

    Args:
        budget: Bytes of features and labels to hold; 0 keeps nothing.

    Attributes:
        complete: Whether every row ever added is held.
    """

    def __init__(self, budget: int):
        self._budget = budget
        self._batches: list[tuple[np.ndarray, np.ndarray]] = []
        self._bytes = 0
        self.complete = True

    def add(self, features: np.ndarray, labels: np.ndarray) -> None:
        """Add a copy of a checked batch: `[B, d]` in its own dtype and int64 `[B]`."""
        if not self.complete or not len(labels):
            return
        if self._bytes + features.nbytes + labels.nbytes > self._budget:
            self.drop()
            return
        self._batches.append((features.copy(), labels))
        self._bytes += features.nbytes + labels.nbytes

    def merge(self, other: FeatureCache) -> None:
        """Add the rows of another store, or gives up where that one has given up."""
        if not other.complete:
            self.drop()
        for features, labels in tuple(other._batches):
            self.add(features, labels)

    def drop(self) -> None:
        """Free everything for good."""
        self._batches, self._bytes, self.complete = [], 0, False

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return iter(self._batches)
