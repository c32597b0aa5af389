"""The pictures of a split, drawn when they are asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_haframe.data.drawn_catalogue import drawing, numbers
from keras_haframe.data.drawn_catalogue.catalogue import Catalogue, catalogue
from keras_haframe.data.long_tail import long_tail_counts

SPLITS = {"train": 1, "validation": 2, "test": 3}  # number of the stream of pictures
TAIL_STREAM = (1 << 40) + 1
CHUNK = 512  # pictures drawn together; few enough for the processor's cache


class Pictures:
    """All pictures of a split, in place of an array `[n, 16, 16, 3]`: rows are drawn when read.

    `ArrayBatches(pictures, pictures.labels, batch_size)` trains on them and holds one batch. A
    picture follows from the catalogue's seed, its split, its class and its number in the class.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        config: `"tiny"`, `"10k"`, `"100k"` or a `Catalogue`.

    Attributes:
        labels: int64 `[n]`, class by class.
        examples: int64 `[n]`, number of every picture in its class.
        shape, dtype: Of all pictures.

    Raises:
        ValueError: For an unknown split or config.

    Example:

    >>> pictures = Pictures("train", "tiny")
    >>> len(pictures), pictures[100:108].shape, pictures[[3, 5]].dtype
    (512, (8, 16, 16, 3), dtype('uint8'))
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, split: str, config: str | Catalogue = "10k") -> None:
        if split not in SPLITS:
            raise ValueError(f"`split` must be one of {list(SPLITS)}. Received: {split!r}")
        self.split, self.catalogue = split, catalogue(config)
        counts = class_counts(split, self.catalogue)
        self.labels = np.repeat(np.arange(len(counts)), counts)
        self.examples = np.arange(len(self.labels)) - np.repeat(np.cumsum(counts) - counts, counts)
        self.shape = (len(self.labels), drawing.SIDE, drawing.SIDE, 3)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Draw pictures uint8: `[m, 16, 16, 3]`, or `[16, 16, 3]` of a single number."""
        labels, examples = self.labels[rows], self.examples[rows]
        looks = drawing.designs(self.catalogue)
        keys = numbers.key(
            self.catalogue.seed, SPLITS[self.split], labels.ravel(), examples.ravel()
        )
        pictures = np.empty((*labels.shape, *self.shape[1:]), np.uint8)
        flat = pictures.reshape(-1, *self.shape[1:])
        for start in range(0, len(flat), CHUNK):
            part = slice(start, start + CHUNK)
            flat[part] = drawing.draw(looks[labels.ravel()[part]], keys[part])
        return pictures


def class_counts(split: str, size: Catalogue) -> np.ndarray:
    """Pictures of every class in a split, int64 `[K]`."""
    each = getattr(size, split)
    if split != "train" or size.long_tail == 1:
        return np.full(size.classes, each)
    ranked = long_tail_counts(each, size.classes, size.long_tail)
    own = numbers.key(size.seed, TAIL_STREAM, np.arange(size.classes))
    counts = np.empty_like(ranked)
    counts[np.argsort(own, kind="stable")] = ranked
    return counts


def load_arrays(split: str, config: str | Catalogue = "10k") -> tuple[np.ndarray, np.ndarray]:
    """Draw a whole split into memory: 768 bytes a picture, 80 MB for the training of `"10k"`.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        config: `"tiny"`, `"10k"`, `"100k"` or a `Catalogue`.

    Returns:
        Pictures uint8 `[n, 16, 16, 3]` and labels int64 `[n]`, class by class.

    Raises:
        ValueError: For an unknown split or config.

    Example:

    >>> images, labels = load_arrays("test", "tiny")
    >>> images.shape, labels[:6].tolist()
    ((256, 16, 16, 3), [0, 0, 0, 0, 1, 1])
    """
    pictures = Pictures(split, config)
    return pictures[:], pictures.labels
