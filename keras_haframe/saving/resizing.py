"""Resizing in NumPy, where there is no TensorFlow: as `Preprocessing` does it there.

Bilinear and nearest resizing are a product with one matrix of weights per axis. Crops and borders
are in these matrices, too: a window of the image falls on a window of the result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from keras_haframe.data.preprocessing import Preprocessing

INTERPOLATIONS = ("bilinear", "nearest")


class Window(NamedTuple):
    """Places on an axis: `used` pixels of the image from `start` become `made` from `first`."""

    start: int
    used: int
    first: int
    made: int


def windows(how: Preprocessing, whole: tuple[int, int]) -> list[Window]:
    """Windows of both axes of an image of size `whole`, rounded in float32 as TensorFlow does."""
    assert how.size is not None
    shape, size = np.array(whole, np.float32), np.array(how.size, np.float32)
    start, count, first, made = np.zeros(2), shape, np.zeros(2), size
    if how.resize == "crop":
        scale = (shape / size).min() * np.float32(how.crop_fraction)
        count = np.maximum(np.minimum(np.round(size * scale), shape), 1)
        start = (shape - count) // 2
    if how.resize == "pad":
        exact = shape / (shape / size).max()
        made = np.maximum(np.floor(exact), 1)
        first = np.maximum(np.floor((size - exact) / 2), 0)
    return [Window(*map(int, axis)) for axis in zip(start, count, first, made)]


def weights(how: Preprocessing, window: Window, length: int, size: int) -> np.ndarray:
    """Weights float32 `[size, length]` of the image's pixels in the result's, along one axis."""
    i = np.arange(size, dtype=np.float32)[:, None] - np.float32(window.first)
    j = np.arange(length, dtype=np.float32)[None, :] - np.float32(window.start)
    scale = np.float32(window.used) / np.float32(window.made)
    at = (i + np.float32(0.5)) * scale
    if how.interpolation == "nearest":
        found = (np.clip(np.floor(at), 0, window.used - 1) == j).astype(np.float32)
    else:
        reach = max(scale, np.float32(1)) if how.antialias else np.float32(1)
        found = np.maximum(1 - np.abs(at - np.float32(0.5) - j) / reach, 0)
    inside = (i >= 0) & (i < window.made) & (j >= 0) & (j < window.used)
    found = np.where(inside, found, np.float32(0))
    return found / np.maximum(found.sum(axis=1, keepdims=True), np.float32(1e-9))


def resized(how: Preprocessing, image: np.ndarray) -> np.ndarray:
    """Resize an image as `how` says.

    Args:
        how: With a size, and an interpolation of `INTERPOLATIONS`.
        image: `[h, w, C]`, uint8 or float.

    Returns:
        float32 `[height, width, C]`, within rounding of what TensorFlow returns.

    Raises:
        ValueError: For another interpolation.
    """
    check(how)
    assert how.size is not None
    whole = (image.shape[0], image.shape[1])
    rows, columns = (
        weights(how, window, length, size)
        for window, length, size in zip(windows(how, whole), whole, how.size)
    )
    planes = np.ascontiguousarray(image.transpose(2, 0, 1)).astype(np.float32)
    return np.ascontiguousarray((rows @ planes @ columns.T).transpose(1, 2, 0))


def check(how: Preprocessing) -> None:
    """Raise for an interpolation that is no product with weights of ours."""
    if how.interpolation not in INTERPOLATIONS:
        raise ValueError(
            f"`interpolation` must be one of {INTERPOLATIONS} to resize without TensorFlow. "
            f"Received: interpolation={how.interpolation!r}"
        )
