"""Draws labeled pictures of aircraft with NumPy alone, and the splits of the data set."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np

from keras_haframe.data.drawn_aircraft.canvas import Canvas, Dice
from keras_haframe.data.drawn_aircraft.fleet import class_names, designs, stack
from keras_haframe.data.drawn_aircraft.parts import paint_aircraft
from keras_haframe.data.drawn_aircraft.scenery import background, smooth_noise

BATCH = 32  # images drawn together; few enough for the processor's cache


def draw(
    labels: Sequence[int] | np.ndarray,
    seed: int | tuple[int, ...] = 0,
    size: int = 64,
    start: int = 0,
) -> np.ndarray:
    """Draw one picture for every label.

    Pose, size, livery, light, background and weather are random and independent of
    the class. Picture `i` depends on `seed`, `start + i` and its label only, so a
    long stream may be drawn piece by piece.

    Args:
        labels: Class labels `[n]`, in the order of `class_names()`.
        seed: Non-negative integer, or a tuple of them; names the stream.
        size: Side of the square pictures in pixels, at least 16.
        start: Place of the first picture in the stream.

    Returns:
        uint8 array `[n, size, size, 3]`, RGB.

    Raises:
        ValueError: If a label is not a class, or `size` or `start` is too small.

    Example:

    >>> draw([0, 5, 5], seed=1).shape
    (3, 64, 64, 3)
    """
    labels = np.asarray(labels)
    fleet = _fleet()
    classes = len(fleet["length"])
    if labels.size == 0:
        labels = labels.astype(int)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            "`labels` must be a one-dimensional sequence of integers. "
            f"Received: shape={labels.shape}, dtype={labels.dtype}."
        )
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        raise ValueError(
            f"`labels` must lie between 0 and {classes - 1}. "
            f"Received: labels from {labels.min()} to {labels.max()}."
        )
    if size < 16:
        raise ValueError(f"`size` must be at least 16 pixels. Received: size={size}.")
    if start < 0:
        raise ValueError(f"`start` must not be negative. Received: start={start}.")
    pictures = np.empty((len(labels), size, size, 3), np.uint8)
    for first in range(0, len(labels), BATCH):
        part = labels[first : first + BATCH]
        dice = Dice(seed, start + first, len(part))
        design = {name: column[part] for name, column in fleet.items()}
        pictures[first : first + BATCH] = _draw_batch(design, dice, size)
    return pictures


@functools.cache
def _fleet() -> dict[str, np.ndarray]:
    return stack(designs())


def _draw_batch(design: dict[str, np.ndarray], dice: Dice, size: int) -> np.ndarray:
    canvas = Canvas(design, dice, size)
    paint_aircraft(canvas)
    picture, strength = background(dice, size)
    picture *= (1.0 - strength * _shadow(canvas.alpha, dice, size))[:, None]
    picture *= (1.0 - canvas.alpha)[:, None]
    picture += canvas.rgb
    picture = _photograph(picture, dice, size)
    picture = np.clip(255.0 * picture + 0.5, 0.0, 255.0).astype(np.uint8)
    return np.ascontiguousarray(picture.transpose(0, 2, 3, 1))


def _shadow(alpha: np.ndarray, dice: Dice, size: int) -> np.ndarray:
    """Return the aircraft's outline, moved away from the light and softened, `[B, P]`."""
    reach, angle = dice.uniform(0.02, 0.16) * size, dice.uniform(-np.pi, np.pi)
    soft = 0.4 * size / 64 + 0.12 * reach
    down = _blur(size, soft, reach * np.sin(angle))
    right = _blur(size, soft, reach * np.cos(angle))
    moved = down @ alpha.reshape(-1, size, size) @ right.transpose(0, 2, 1)
    return np.clip(1.2 * moved.reshape(alpha.shape), 0.0, 1.0)


def _photograph(picture: np.ndarray, dice: Dice, size: int) -> np.ndarray:
    """Take the picture `[B, 3, P]`: mist, light, haze, blur, grain; `[B, 3, size, size]`."""
    count = len(picture)
    # Three in ten are taken in bad weather; these are hard to tell apart.
    bad = dice.chance(0.3) * dice.uniform(0.3, 1.0)

    mist = smooth_noise(dice, size, (3, 6, 12)).reshape(count, -1)
    thick = np.maximum(dice.chance(0.2) * dice.uniform(0.0, 1.0), bad)
    mist = 0.75 * thick * np.clip(4.0 * mist - 2.4, 0.0, 1.0)
    picture += (0.92 - picture) * mist[:, None]

    axis = np.linspace(-0.5, 0.5, size, dtype=np.float64)
    fall_x, fall_y = (dice.uniform(-0.35, 0.35)[:, :, None] for _ in range(2))
    light = (1.0 + fall_x * axis + fall_y * axis[:, None]).reshape(count, -1)
    contrast = dice.uniform(0.75, 1.1) * (1.0 - 0.55 * bad)
    haze = (1.0 - contrast) * dice.uniform(0.2, 0.8)
    gain = contrast * dice.uniform(0.8, 1.1) * light
    picture = picture * gain[:, None] + haze[:, :, None]

    soft = (dice.uniform(0.25, 0.5) + 0.5 * bad) * size / 64
    blur = _blur(size, soft, np.zeros_like(soft))[:, None]
    picture = blur @ picture.reshape(count, 3, size, size) @ blur.transpose(0, 1, 3, 2)
    grain = dice.uniform(0.005, 0.03) + 0.05 * bad
    return picture + grain[:, :, None, None] * dice.normal(1, size, size)


def _blur(size: int, sigma: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Matrices `[B, size, size]` that blur a row of pixels by `sigma` and move it by `shift`."""
    axis = np.arange(size, dtype=np.float64)
    offset = axis[:, None] - axis - shift[:, :, None]
    matrix = np.exp(-0.5 * (offset / sigma[:, :, None]) ** 2)
    return matrix / np.maximum(matrix.sum(axis=2, keepdims=True), 1e-6)


# Splits

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
