"""Images that stay on the accelerator: batches carry row numbers, the model does the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from keras_haframe.tree_ops.values import Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class ImageTable(keras.layers.Layer):
    """Look up, crop, mirror and normalize images that lie in the accelerator's memory.

    A step then moves a few bytes per image to the accelerator instead of the image. The images are
    not saved with the model: `images` must be given again, and checkpoints stay small.

    Args:
        shape: `(n, H, W, C)` of the images; the table holds them reflect-padded by `pad`.
        mean, std: Per channel, of values from 0 to 1.
        pad: Pixels added on each side before cropping.

    Call arguments: int `[B, 4]` draws: row, top and left offset from 0 to `2 pad`, and 1 to mirror.
    `pad, pad, 0` is the image itself. Returns float `[B, H, W, C]`.
    """

    def __init__(
        self,
        shape: Sequence[int],
        mean: Sequence[float],
        std: Sequence[float],
        pad: int = 4,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.shape, self.mean, self.std, self.pad = tuple(shape), tuple(mean), tuple(std), pad
        n, height, width, channels = self.shape
        padded = (n, height + 2 * pad, width + 2 * pad, channels)
        self.table = self.add_weight(
            shape=padded, dtype="uint8", initializer="zeros", trainable=False, name="table"
        )

    def fill(self, images: np.ndarray) -> ImageTable:
        """Put uint8 images `[n, H, W, C]` into the table; return the layer."""
        if images.shape != self.shape or images.dtype != np.uint8:
            raise ValueError(
                f"`images` must be uint8 of shape {self.shape}. "
                f"Received: {images.dtype} of shape {images.shape}"
            )
        p = self.pad
        self.table.assign(np.pad(images, ((0, 0), (p, p), (p, p), (0, 0)), "reflect"))
        return self

    def call(self, draws: Tensor) -> Tensor:
        _, height, width, channels = self.shape
        row, top, left, mirror = (ops.cast(draws[:, i], "int32") for i in range(4))
        tall, wide = self.table.shape[1:3]
        columns = ops.arange(width, dtype="int32")[None]
        columns = ops.where(mirror[:, None] > 0, width - 1 - columns, columns) + left[:, None]
        lines = ops.arange(height, dtype="int32")[None] + top[:, None]
        lines = (row[:, None] * tall + lines) * wide
        pixels = ops.reshape(self.table, (-1, channels))
        images = ops.take(pixels, lines[:, :, None] + columns[:, None, :], axis=0)
        mean, std = (np.array(v, "float32") for v in (self.mean, self.std))
        images = (ops.cast(images, "float32") / 255.0 - mean) / std
        return ops.cast(images, self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], *self.shape[1:])

    def save_own_variables(self, store: Any) -> None:
        """Nothing: the images are the data set's."""

    def load_own_variables(self, store: Any) -> None:
        """Nothing: see `fill`."""

    def get_config(self) -> dict[str, Any]:
        config = {"shape": self.shape, "mean": self.mean, "std": self.std, "pad": self.pad}
        return {**super().get_config(), **config}


def still(rows: ArrayLike, pad: int = 4) -> np.ndarray:
    """Draws `[n, 4]` that show the images of `rows` as they are."""
    rows = np.asarray(rows)
    return np.stack([rows, *[np.full_like(rows, v) for v in (pad, pad, 0)]], axis=1).astype("int32")


def random_draws(
    generator: np.random.Generator, draws: np.ndarray, pad: int = 4, last: bool = True
) -> np.ndarray:
    """Random crops and mirror images of the rows of `draws`, for `ArrayBatches(augment=...)`.

    The same generator draws the same crops as `arrays.random_crop_and_flip`.
    """
    n = len(draws)
    top, left = generator.integers(0, 2 * pad + bool(last), (2, n))
    mirror = generator.integers(0, 2, n)
    return np.stack([draws[:, 0], top, left, mirror], axis=1).astype("int32")
