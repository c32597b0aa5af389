"""From an image to the model's input: one object for training, evaluation and serving."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import numpy as np

from keras_haframe.data import augment
from keras_haframe.tree_ops.values import Tensor

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CHANGES = ("none", "pad_and_crop", "resized_crop")
RESIZE = ("stretch", "crop", "pad")
METHODS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian")


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Random change of a training image.

    `"pad_and_crop"`: resize as in evaluation, pad on all sides, cut at a random place, mirror every
    other image. `"resized_crop"`: a box of random area and aspect ratio resized to the input's
    size, mirrored or not. `"none"`: as in evaluation.

    Args:
        change: One of the three.
        padding: Pixels of padding on every side.
        pad_mode: `"CONSTANT"` (black) or `"REFLECT"`.
        last_offset: `False` never draws the last place of the crop, as in the papers' CIFAR code.
        scale, ratio: Ranges of area and aspect ratio of `"resized_crop"`.

    Raises:
        ValueError: For an unknown change.
    """

    change: str = "none"
    padding: int = 4
    pad_mode: str = "CONSTANT"
    last_offset: bool = True
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        if self.change not in CHANGES:
            raise ValueError(f"`change` must be one of {CHANGES}. Received: {self.change!r}")

    @property
    def numbers(self) -> int:
        """How many random numbers the change of an image takes."""
        return {"pad_and_crop": 3, "resized_crop": 1 + 4 * augment.ATTEMPTS, "none": 0}[self.change]


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """How an image of any size becomes the model's input. A function for `tf.data`, too.

    One object for all: `data.batches` trains and evaluates with it, and given to `export` the
    served model does the same. (Or map it over training data of your own,
    `dataset.map(lambda image, label: (preprocessing(image), label))`.)

    Args:
        size: `(height, width)` of the result; `None` keeps the image's (`export` fills in the
            model's).
        resize: `"stretch"` ignores the aspect ratio; `"crop"` cuts the central box of the result's
            aspect ratio; `"pad"` keeps the whole image and adds black borders.
        crop_fraction: For `"crop"`: side of the box, as a fraction of the largest that fits. The
            papers' evaluation (shorter side to 256, central 224) is 224 / 256 = 0.875.
        interpolation: `"bilinear"` or another method of `tf.image.resize`.
        antialias: Average over all source pixels when shrinking.
        input_range: `(low, high)`: values to which 0 and 255 are mapped. `(0, 255)` leaves them.
        mean, std: Then `(x - mean) / std`, one number per channel; `None` for neither.
        augmentation: Random change of training images; `None` for none.

    Raises:
        ValueError: For an argument out of range.

    Example:

    ```python
    as_mobilenet = Preprocessing((224, 224), input_range=(-1.0, 1.0))
    imagenet = Preprocessing(
        (224, 224), "crop", 0.875, input_range=(0.0, 1.0),
        mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225),
    )
    ```
    """

    size: tuple[int, int] | None = None
    resize: str = "stretch"
    crop_fraction: float = 1.0
    interpolation: str = "bilinear"
    antialias: bool = False
    input_range: tuple[float, float] = (0.0, 255.0)
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    augmentation: Augmentation = Augmentation()

    def __post_init__(self) -> None:
        if self.resize not in RESIZE:
            raise ValueError(f"`resize` must be one of {RESIZE}. Received: {self.resize!r}")
        if self.interpolation not in METHODS:
            raise ValueError(
                f"`interpolation` must be one of {METHODS}. Received: {self.interpolation!r}"
            )
        if not 0 < self.crop_fraction <= 1:
            raise ValueError(
                "`crop_fraction` must be above 0 and at most 1. "
                f"Received: crop_fraction={self.crop_fraction}"
            )
        if len(self.input_range) != 2 or self.input_range[0] >= self.input_range[1]:
            raise ValueError(
                "`input_range` must be two rising numbers, the values for black and white. "
                f"Received: input_range={self.input_range}"
            )
        if self.std is not None and any(s <= 0 for s in self.std):
            raise ValueError(f"`std` must be positive. Received: std={self.std}")
        if self.augmentation.change == "resized_crop" and self.size is None:
            raise ValueError("`size` must be given with change='resized_crop'. Received: None")

    @classmethod
    def imagenet_style(
        cls, mean: tuple, std: tuple, side: int | None = 224, **augmentation: Any
    ) -> Preprocessing:
        """As the papers prepare images: a square without regard to the aspect ratio, normalized.

        Args:
            mean: RGB, of values from 0 to 1.
            std: RGB, of values from 0 to 1.
            side: Side of the input; `None` keeps the image's size.
            **augmentation: As of `Augmentation`.
        """
        size = None if side is None else (side, side)
        return cls(
            size, antialias=True, input_range=(0.0, 1.0), mean=mean, std=std,
            augmentation=Augmentation(**augmentation),
        )  # fmt: skip

    def __call__(self, image: Tensor) -> Tensor:
        """Resize and scale one image.

        Args:
            image: uint8 or float tensor `[h, w, C]`, values from 0 to 255.

        Returns:
            float32 tensor `[height, width, C]`.
        """
        return self.scale(self.resized(image))

    def evaluate(self, image: Tensor) -> Tensor:
        """Prepare an image that is decoded, or still the bytes of a JPEG or PNG file."""
        return self(self.decode(image))

    def train(self, image: Tensor, numbers: Tensor) -> Tensor:
        """Return the changed and prepared image.

        Args:
            image: uint8 `[h, w, 3]`, or the bytes of a JPEG or PNG file.
            numbers: `[augmentation.numbers]` numbers in [0, 1): whether to mirror, then the crop's.

        Returns:
            float32 `[height, width, 3]`.
        """
        image, how = self.decode(image), self.augmentation
        if how.change == "none":
            return self(image)
        if how.change == "pad_and_crop":
            image = self.resized(image) if self.size else image
            shape = image.shape
            image = augment.pad_and_crop(
                image, numbers[1:], how.padding, how.pad_mode, how.last_offset
            )
            image.set_shape(shape)
        else:
            image = augment.resized_crop(
                image, numbers[1:], cast(tuple, self.size), scale=how.scale, ratio=how.ratio
            )
        return self.scale(augment.flip(image, numbers[0]))

    @staticmethod
    def decode(image: Tensor) -> Tensor:
        """Decode JPEG or PNG bytes; leave a decoded image `[h, w, 3]` as it is."""
        import tensorflow as tf

        if image.dtype == tf.string:
            # Reads PNG, too. Its default is a faster transform that is off by several gray levels.
            image = tf.io.decode_jpeg(image, channels=3, dct_method="INTEGER_ACCURATE")
        return image

    def resized(self, image: Tensor) -> Tensor:
        """Return the image at `size`, float32, values still from 0 to 255."""
        import tensorflow as tf

        if self.size is None:
            return tf.cast(image, tf.float32)
        size, options = list(self.size), {"method": self.interpolation, "antialias": self.antialias}
        if self.resize == "pad":
            image = tf.image.resize_with_pad(image, *size, **options)
        else:
            # The box is cut before resizing: enlarging a sliver first could fill the memory.
            image = self._central_box(image) if self.resize == "crop" else image
            image = tf.image.resize(image, size, **options)
        return tf.cast(image, tf.float32)

    def _central_box(self, image: Tensor) -> Tensor:
        import tensorflow as tf

        shape = tf.cast(tf.shape(image)[:2], tf.float32)
        scale = tf.reduce_min(shape / tf.constant(self.size, tf.float32)) * self.crop_fraction
        box = tf.cast(tf.round(tf.constant(self.size, tf.float32) * scale), tf.int32)
        box = tf.maximum(tf.minimum(box, tf.shape(image)[:2]), 1)
        start = (tf.shape(image)[:2] - box) // 2
        return image[start[0] : start[0] + box[0], start[1] : start[1] + box[1]]

    def scale(self, images: Tensor) -> Tensor:
        """Values from 0 to 255 mapped to `input_range`, then less `mean`, divided by `std`.

        Args:
            images: Numbers `[..., C]`, of NumPy or TensorFlow; no TensorFlow is needed for NumPy's.

        Returns:
            float32, the same shape.
        """
        low, high = self.input_range
        images = images.astype(np.float32) if isinstance(images, np.ndarray) else _float32(images)
        if (low, high) != (0.0, 255.0):
            images = images * np.float32((high - low) / 255.0) + np.float32(low)
        if self.mean is not None:
            images = images - np.array(self.mean, np.float32)
        return images if self.std is None else images / np.array(self.std, np.float32)

    def get_config(self) -> dict[str, Any]:
        """Return the fields, as JSON takes them; `from_config` makes an equal object."""
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Preprocessing:
        """Make the object that `get_config` described."""

        def frozen(values: dict) -> dict:
            return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}

        augmentation = Augmentation(**frozen(config.get("augmentation") or {}))
        return cls(**frozen({**config, "augmentation": augmentation}))


def _float32(images: Tensor) -> Tensor:
    import tensorflow as tf

    return tf.cast(images, tf.float32)
