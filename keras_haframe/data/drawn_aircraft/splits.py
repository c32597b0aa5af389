"""The train, validation and test pictures of the data set, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_haframe.data.drawn_aircraft.drawing import draw
from keras_haframe.data.drawn_aircraft.fleet import class_names

# name -> (seed of the stream, examples in percent of the training examples)
SPLITS = {"train": (1, 100), "validation": (2, 20), "test": (3, 40)}

CHUNK = 256  # pictures drawn at a time, so that large data sets need little memory


def split_labels(split: str, examples_per_class: int = 100) -> np.ndarray:
    """List the labels of a split.

    All classes are equally frequent. Labels go round through the classes, so the
    first pictures of a larger split are those of a smaller one.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        examples_per_class: Training pictures of every class. Validation has 20
            percent as many and test 40 percent, both rounded up.

    Returns:
        int64 array of labels.

    Raises:
        ValueError: If the split is unknown or `examples_per_class` is not positive.

    Example:

    >>> len(split_labels("test", examples_per_class=5)) // len(class_names())
    2
    """
    if split not in SPLITS:
        raise ValueError(f"`split` must be one of {sorted(SPLITS)}. Received: split={split!r}.")
    if examples_per_class < 1:
        raise ValueError(
            "`examples_per_class` must be at least 1. "
            f"Received: examples_per_class={examples_per_class}."
        )
    rounds = -(-examples_per_class * SPLITS[split][1] // 100)
    return np.tile(np.arange(len(class_names())), rounds)


def iterate(
    split: str, examples_per_class: int = 100, size: int = 64
) -> Iterator[tuple[np.ndarray, int]]:
    """Yield the pictures of a split one by one, drawing them as they are asked for.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        examples_per_class: See `split_labels`.
        size: Side of the pictures in pixels.

    Yields:
        Tuples of a uint8 picture `[size, size, 3]` and its label.

    Example:

    >>> picture, label = next(iterate("train"))
    >>> picture.shape, label
    ((64, 64, 3), 0)
    """
    labels = split_labels(split, examples_per_class)
    for start in range(0, len(labels), CHUNK):
        part = labels[start : start + CHUNK]
        pictures = draw(part, seed=SPLITS[split][0], size=size, start=start)
        yield from zip(pictures, part.tolist())


def load_arrays(
    split: str, examples_per_class: int = 100, size: int = 64
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a whole split into memory; needs neither TensorFlow nor TFDS.

    These are the pictures that `tfds.load("drawn_aircraft")` serves.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        examples_per_class: See `split_labels`.
        size: Side of the pictures in pixels.

    Returns:
        Tuple of pictures, uint8 `[n, size, size, 3]`, and labels, int64 `[n]`.

    Example:

    >>> images, labels = load_arrays("validation", examples_per_class=10)
    >>> len(images) == 2 * len(class_names())
    True
    """
    labels = split_labels(split, examples_per_class)
    return draw(labels, seed=SPLITS[split][0], size=size), labels
