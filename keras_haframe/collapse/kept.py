"""A bounded store of features, so that NC4 of small data sets needs no second pass."""

from __future__ import annotations

import numpy as np


class KeptFeatures:
    """Holds every feature row while they fit into `budget` bytes, and none once they do not.

    Args:
        budget: bytes of features and labels to hold; 0 keeps nothing.

    Attributes:
        complete: whether every row ever added is held.
    """

    def __init__(self, budget: int):
        self._budget = budget
        self._batches: list[tuple[np.ndarray, np.ndarray]] = []
        self._bytes = 0
        self.complete = True

    def add(self, features: np.ndarray, labels: np.ndarray) -> None:
        """Adds a copy of a checked batch: `[B, d]` in its own dtype and int64 `[B]`."""
        if not self.complete or not len(labels):
            return
        if self._bytes + features.nbytes + labels.nbytes > self._budget:
            self.drop()
            return
        self._batches.append((features.copy(), labels))
        self._bytes += features.nbytes + labels.nbytes

    def merge(self, other: KeptFeatures) -> None:
        """Adds the rows of another store, or gives up where that one has given up."""
        if not other.complete:
            self.drop()
        for features, labels in tuple(other._batches):
            self.add(features, labels)

    def drop(self) -> None:
        """Frees everything for good."""
        self._batches, self._bytes, self.complete = [], 0, False

    def __iter__(self):
        return iter(self._batches)
