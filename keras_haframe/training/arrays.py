"""Batches from arrays in memory, on every backend, the same for the same seed and epoch."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np


class ArrayBatches(keras.utils.PyDataset):
    """Shuffled training batches; order and augmentation follow from seed and epoch alone.

    Set `epoch` before `fit(initial_epoch=...)` and a resumed run sees the data that an undisturbed
    run would have seen.

    Args:
        inputs: `[n, ...]`.
        labels: Integer labels `[n]`.
        batch_size: Examples per batch; the rest of an epoch is left out.
        seed: Seed.
        augment: `(generator, batch) -> batch`, for example `random_crop_and_flip`.
        share: `(index, count)`: give only this one of `count` equal parts of every batch, for one
            of several processes (see `training.distribution`).
    """

    def __init__(
        self,
        inputs: np.ndarray,
        labels: np.ndarray,
        batch_size: int,
        seed: int = 0,
        augment: Callable | None = None,
        share: tuple[int, int] = (0, 1),
        **kwargs,
    ):
        super().__init__(**kwargs)
        if len(inputs) != len(labels) or len(labels) < batch_size:
            raise ValueError(
                "`inputs` and `labels` must have one length, at least `batch_size`. "
                f"Received: {len(inputs)}, {len(labels)}, batch_size={batch_size}"
            )
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
        self._order = np.random.default_rng([self.seed, epoch]).permutation(len(self.labels))

    def on_epoch_end(self):
        self.epoch += 1

    def __len__(self):
        return len(self.labels) // self.batch_size

    def __getitem__(self, i: int):
        rows = self._order[i * self.batch_size : (i + 1) * self.batch_size]
        batch = self.inputs[rows]
        if self.augment is not None:
            batch = self.augment(np.random.default_rng([self.seed, self.epoch, i + 1]), batch)
        return batch[self.part], self.labels[rows][self.part]


def equal_part(batch_size: int, share: tuple[int, int]) -> slice:
    """Rows of a batch that one of several processes gets; `share` is `(index, count)`.

    Raises:
        ValueError: If the batch does not split evenly, or there is no such part.
    """
    index, count = share
    if batch_size % count or not 0 <= index < count:
        raise ValueError(
            "`share` must be (index, count) with index below count and a batch that splits "
            f"evenly. Received: share={share}, batch_size={batch_size}"
        )
    size = batch_size // count
    return slice(index * size, (index + 1) * size)


def normalize(images: np.ndarray, mean, std) -> np.ndarray:
    """`(images / 255 - mean) / std` per channel, float32.

    Args:
        images: uint8 `[..., 3]`.
        mean, std: RGB, of values from 0 to 1.
    """
    mean, std = np.float32(mean), np.float32(std)
    return (images / np.float32(255) - mean) / std


def random_crop_and_flip(
    generator, images: np.ndarray, pad: int = 4, last: bool = True, mode: str = "reflect"
) -> np.ndarray:
    """Pad images, cut each at a random place to its size again, mirror half of them.

    Args:
        generator: `numpy.random.Generator`.
        images: `[B, H, W, C]`.
        pad: Pixels added on each side.
        last: Whether the last offset, `2 pad`, can be drawn; the papers' CIFAR code leaves it out.
        mode: `"reflect"`, or `"constant"` for black.

    Returns:
        `[B, H, W, C]`.

    Reference: CIFAR-100 settings of Liang and Davis, HAFrame (ICCV 2023).
    """
    n, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode)
    y, x = generator.integers(0, 2 * pad + bool(last), (2, n))
    columns = np.arange(width) + x[:, None]
    mirrored = generator.integers(0, 2, n).astype(bool)
    columns[mirrored] = columns[mirrored, ::-1]
    rows = np.arange(height) + y[:, None]
    return padded[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
