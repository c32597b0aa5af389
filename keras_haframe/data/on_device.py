"""Images that stay on the accelerator: batches carry row numbers, the model does the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from keras_haframe.data.augmentation import Augmentation
from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.tree_ops.values import Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class ImageTable(keras.layers.Layer):
    """Look up, crop, mirror and normalize images that lie in the accelerator's memory.

    A step then moves a few bytes per image to the accelerator instead of the image. The images are
    not saved with the model: `images` must be given again, and checkpoints stay small.

    Args:
        shape: `(n, H, W, C)` of the images; the table holds them padded.
        preprocessing: `Preprocessing` (or its configuration) whose images keep their size and whose
            augmentation is `"pad_and_crop"`.

    Call arguments: int `[B, 4]` draws: row, top and left offset from 0 to `2 padding`, and 1 to
    mirror. `padding, padding, 0` is the image itself. Returns float `[B, H, W, C]`.
    """

    def __init__(
        self, shape: Sequence[int], preprocessing: Preprocessing | dict, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(preprocessing, dict):
            preprocessing = Preprocessing.from_config(preprocessing)
        self.shape, self.preprocessing = tuple(shape), preprocessing
        n, height, width, channels = self.shape
        pad = preprocessing.augmentation.padding
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
        self.table.assign(self.preprocessing.augmentation.padded(images))
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
        return ops.cast(self.preprocessing.scale(images), self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], *self.shape[1:])

    def save_own_variables(self, store: Any) -> None:
        """Nothing: the images are the data set's."""

    def load_own_variables(self, store: Any) -> None:
        """Nothing: see `fill`."""

    def get_config(self) -> dict[str, Any]:
        config = {"shape": self.shape, "preprocessing": self.preprocessing.get_config()}
        return {**super().get_config(), **config}


def still(rows: ArrayLike, padding: int = 4) -> np.ndarray:
    """Draws `[n, 4]` that show the images of `rows` as they are."""
    rows = np.asarray(rows)
    middle = [np.full_like(rows, v) for v in (padding, padding, 0)]
    return np.stack([rows, *middle], axis=1).astype("int32")


def random_draws(
    generator: np.random.Generator, draws: np.ndarray, augmentation: Augmentation
) -> np.ndarray:
    """Random crops and mirror images of the rows of `draws`, for `ArrayBatches(augment=...)`.

    The same generator draws the same crops as the augmentation does of a batch of arrays.
    """
    drawn = augmentation.draw(generator, len(draws))
    return np.stack([draws[:, 0], *drawn], axis=1).astype("int32")
