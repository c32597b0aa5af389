"""Batches from arrays in memory, on every backend, the same for the same seed and epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import keras
import numpy as np

from keras_haframe.data.shares import Share, equal_part


class Rows(Protocol):
    """What stands for an array: its rows are read, computed or drawn when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> Any: ...


class ArrayBatches(keras.utils.PyDataset):
    """Shuffled training batches; order and augmentation follow from seed and epoch alone.

    Set `epoch` before `fit(initial_epoch=...)` and a resumed run sees the data that an undisturbed
    run would have seen.

    Args:
        inputs: `[n, ...]`, or what gives its rows by an array of their numbers and has a `shape`
            and a length, such as `drawn_catalogue.Pictures`.
        labels: Integer labels `[n]`.
        batch_size: Examples per batch; the rest of an epoch is left out.
        seed: Seed.
        augment: `(generator, batch) -> batch`, such as `Preprocessing.train_batch` or an
            `Augmentation`.
        share: `(index, count)`: give only this one of `count` equal parts of every batch. By
            default that of this process, of several that train together; all of it for `(0, 1)`.
        variants: Whether `inputs` are `[V, n, ...]`, V variants of every example (such as features
            of augmented copies) of which each epoch draws one.

    Example:

    >>> batches = ArrayBatches(np.arange(8.0), np.arange(8), batch_size=4, seed=0)
    >>> inputs, labels = batches[0]
    >>> bool((inputs == labels).all()), len(batches)
    (True, 2)
    """

    def __init__(
        self,
        inputs: np.ndarray | Rows,
        labels: np.ndarray,
        batch_size: int,
        seed: int = 0,
        augment: Callable | None = None,
        share: Share | None = None,
        *,
        variants: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        count = inputs.shape[1] if variants else len(inputs)
        if count != len(labels) or len(labels) < batch_size:
            raise ValueError(
                "`inputs` and `labels` must have one length, at least `batch_size`. "
                f"Received: {count}, {len(labels)}, batch_size={batch_size}"
            )
        self.variants = variants
        self.inputs, self.labels, self.batch_size = inputs, labels, batch_size
        self.seed, self.augment = seed, augment
        self.part = equal_part(batch_size, share)
        self.epoch = 0

    @property
    def epoch(self) -> int:
        """The epoch whose batches are next, from 0."""
        return self._epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._epoch = epoch
        generator = np.random.default_rng([self.seed, epoch])
        self._order = generator.permutation(len(self.labels))
        if self.variants:
            self._variant = generator.integers(0, len(self.inputs), len(self.labels))

    def from_epoch(self, epoch: int) -> ArrayBatches:
        """Return the batches with `epoch` next, as `training.run` takes up a run."""
        self.epoch = epoch
        return self

    def on_epoch_end(self) -> None:
        self.epoch += 1

    def __len__(self) -> int:
        return len(self.labels) // self.batch_size

    def rows(self, i: int) -> np.ndarray:
        """Numbers of the examples of a batch, of the part that this process gets."""
        return self._order[i * self.batch_size : (i + 1) * self.batch_size][self.part]

    def __getitem__(self, i: int) -> tuple:
        rows = self._order[i * self.batch_size : (i + 1) * self.batch_size]
        batch = self.inputs[self._variant[rows], rows] if self.variants else self.inputs[rows]
        if self.augment is not None:
            batch = self.augment(np.random.default_rng([self.seed, self.epoch, i + 1]), batch)
        return batch[self.part], self.labels[rows][self.part]
