"""How training images are changed at random: what is said once, for arrays and for `tf.data`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from keras_haframe.data import crops
from keras_haframe.data.rand_augment import NUMBERS, rand_augment

if TYPE_CHECKING:  # it imports Keras, which drawing pictures needs not
    from keras_haframe.tree_ops.values import Tensor

CHANGES = ("none", "pad_and_crop", "resized_crop")
PAD_MODES = ("constant", "reflect")
INTERPOLATIONS = ("bilinear", "bicubic")
ERASING = 3 + 4 * crops.ATTEMPTS  # random numbers of a box to erase


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
        mirror: `False` leaves left and right as they are, where they tell classes apart.
        scale, ratio: Ranges of area and aspect ratio of `"resized_crop"`.
        interpolation: `"bilinear"` or `"bicubic"`, of `"resized_crop"`.
        operations: Number of operations of `rand_augment` after that; in `tf.data` only.
        strength: Their mean strength, from 0 to 10.
        erasing: Probability that a random box is then filled with noise; in `tf.data` only.

    Raises:
        ValueError: For an unknown change or mode, or a number out of range.

    Example:

    >>> crop = Augmentation("pad_and_crop", padding=2)
    >>> crop(np.random.default_rng(0), np.ones((8, 32, 32, 3), "uint8")).shape
    (8, 32, 32, 3)
    """

    change: str = "none"
    padding: int = 4
    pad_mode: str = "constant"
    last_offset: bool = True
    mirror: bool = True
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    interpolation: str = "bilinear"
    operations: int = 0
    strength: float = 9.0
    erasing: float = 0.0

    def __post_init__(self) -> None:
        for name, known in (
            ("change", CHANGES),
            ("pad_mode", PAD_MODES),
            ("interpolation", INTERPOLATIONS),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"`{name}` must be one of {known}. Received: {getattr(self, name)!r}"
                )
        for name, low, high in (("operations", 0, 15), ("strength", 0, 10), ("erasing", 0, 1)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"`{name}` must be from {low} to {high}. Received: {getattr(self, name)}"
                )

    def __call__(self, generator: np.random.Generator, images: np.ndarray) -> np.ndarray:
        """Change every image of a batch; a function for `ArrayBatches(augment=...)`.

        Args:
            generator: Where the places come from.
            images: `[B, h, w, C]`.

        Returns:
            `[B, h, w, C]`, of the same type.

        Raises:
            ValueError: For `"resized_crop"`, operations and erasing.
        """
        self._check_batches()
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
        self._check_batches()
        if self.change != "pad_and_crop":
            raise ValueError(
                "Batches in NumPy are changed by `change='pad_and_crop'`; for other changes "
                "data.batches.training_batches prepares single images. "
                f"Received: change={self.change!r}"
            )
        places = 2 * self.padding + bool(self.last_offset)
        top, left = generator.integers(0, places, (2, count))
        return top, left, generator.integers(0, 2, count).astype(bool) & self.mirror

    def _check_batches(self) -> None:
        if self.operations or self.erasing:
            raise ValueError(
                "`operations` and `erasing` change single images in `tf.data`, as "
                "data.batches.training_batches prepares them, not batches in NumPy. "
                f"Received: operations={self.operations}, erasing={self.erasing}"
            )

    @property
    def numbers(self) -> int:
        """How many random numbers `one` and `erase` take."""
        return self._of_change + NUMBERS * self.operations + (ERASING if self.erasing else 0)

    @property
    def _of_change(self) -> int:
        return {"pad_and_crop": 3, "resized_crop": 1 + 4 * crops.ATTEMPTS, "none": 0}[self.change]

    def one(self, image: Tensor, numbers: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Change one image in TensorFlow, values from 0 to 255.

        Args:
            image: Tensor `[h, w, C]`.
            numbers: `[self.numbers]` numbers in [0, 1): whether to mirror, the crop's, then those
                of the operations.
            size: Of the result of `"resized_crop"`, `(height, width)`.
        """
        crop = numbers[1 : self._of_change]
        if self.change == "pad_and_crop":
            shape = image.shape
            image = crops.pad_and_crop(image, crop, self.padding, self.pad_mode, self.last_offset)
            image.set_shape(shape)
        elif self.change == "resized_crop":
            image = crops.resized_crop(
                image, crop, cast(tuple, size), self.interpolation,
                scale=self.scale, ratio=self.ratio,
            )  # fmt: skip
        if self.change != "none" and self.mirror:
            image = crops.flip(image, numbers[0])
        if self.operations:
            start = self._of_change
            own = numbers[start : start + NUMBERS * self.operations]
            image = rand_augment(image, own, self.strength)
        return image

    def erase(self, image: Tensor, numbers: Tensor) -> Tensor:
        """Fill a random box of one normalized image with noise, if it is its turn.

        Args:
            image: Tensor `[h, w, C]`, normalized.
            numbers: As of `one`.
        """
        if not self.erasing:
            return image
        return crops.erase(image, numbers[self.numbers - ERASING :], self.erasing)
