"""How training images are changed at random: what is said once, for arrays and for `tf.data`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from keras_haframe.data import crops

if TYPE_CHECKING:  # it imports Keras, which drawing pictures needs not
    from keras_haframe.tree_ops.values import Tensor

CHANGES = ("none", "pad_and_crop", "resized_crop")
PAD_MODES = ("constant", "reflect")


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Random change of training images; of a batch in NumPy, or of one image in TensorFlow.

    `"pad_and_crop"`: pad on all sides, cut the image's size out at a random place, mirror every
    other image. `"resized_crop"`: a box of random area and aspect ratio resized to the input's
    size, mirrored or not; of single images in `tf.data` only. `"none"`: the image as it is.

    Args:
        change: One of the three.
        padding: Pixels of padding on every side.
        pad_mode: `"constant"` (black) or `"reflect"`.
        last_offset: `False` never draws the last place of the crop, as in the papers' CIFAR code.
        scale, ratio: Ranges of area and aspect ratio of `"resized_crop"`.

    Raises:
        ValueError: For an unknown change or mode.

    Example:

    >>> crop = Augmentation("pad_and_crop", padding=2)
    >>> crop(np.random.default_rng(0), np.ones((8, 32, 32, 3), "uint8")).shape
    (8, 32, 32, 3)
    """

    change: str = "none"
    padding: int = 4
    pad_mode: str = "constant"
    last_offset: bool = True
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        for name, known in (("change", CHANGES), ("pad_mode", PAD_MODES)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"`{name}` must be one of {known}. Received: {getattr(self, name)!r}"
                )

    def __call__(self, generator: np.random.Generator, images: np.ndarray) -> np.ndarray:
        """Change every image of a batch; a function for `ArrayBatches(augment=...)`.

        Args:
            generator: Where the places come from.
            images: `[B, h, w, C]`.

        Returns:
            `[B, h, w, C]`, of the same type.

        Raises:
            ValueError: For `"resized_crop"`.
        """
        if self.change == "none":
            return images
        top, left, mirrored = self.draw(generator, len(images))
        rows = np.arange(images.shape[1]) + top[:, None]
        columns = np.arange(images.shape[2]) + left[:, None]
        columns[mirrored] = columns[mirrored, ::-1]
        padded = self.padded(images)
        return padded[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]

    def padded(self, images: np.ndarray) -> np.ndarray:
        """Images `[B, h, w, C]` with their padding on all sides."""
        sides = (self.padding, self.padding)
        return np.pad(images, ((0, 0), sides, sides, (0, 0)), cast(Any, self.pad_mode))

    def draw(self, generator: np.random.Generator, count: int) -> tuple[np.ndarray, ...]:
        """Top and left of `count` crops in the padded images, and which to mirror; each `[count]`.

        Raises:
            ValueError: Unless the change is `"pad_and_crop"`.
        """
        if self.change != "pad_and_crop":
            raise ValueError(
                "Batches in NumPy are changed by `change='pad_and_crop'`; for other changes "
                "data.batches.training_batches prepares single images. "
                f"Received: change={self.change!r}"
            )
        places = 2 * self.padding + bool(self.last_offset)
        top, left = generator.integers(0, places, (2, count))
        return top, left, generator.integers(0, 2, count).astype(bool)

    @property
    def numbers(self) -> int:
        """How many random numbers `one` takes."""
        return {"pad_and_crop": 3, "resized_crop": 1 + 4 * crops.ATTEMPTS, "none": 0}[self.change]

    def one(self, image: Tensor, numbers: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Change one image in TensorFlow.

        Args:
            image: Tensor `[h, w, C]`.
            numbers: `[self.numbers]` numbers in [0, 1): whether to mirror, then the crop's.
            size: Of the result of `"resized_crop"`, `(height, width)`.
        """
        if self.change == "none":
            return image
        if self.change == "pad_and_crop":
            shape = image.shape
            image = crops.pad_and_crop(
                image, numbers[1:], self.padding, self.pad_mode, self.last_offset
            )
            image.set_shape(shape)
        else:
            image = crops.resized_crop(
                image, numbers[1:], cast(tuple, size), scale=self.scale, ratio=self.ratio
            )
        return crops.flip(image, numbers[0])
