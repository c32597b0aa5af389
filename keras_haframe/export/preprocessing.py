"""From a decoded image to the model's input: resizing and scaling, as in training."""

from __future__ import annotations

import dataclasses

RESIZE = ("stretch", "crop", "pad")
METHODS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian")


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """How an image of any size becomes the model's input. A function for `tf.data`, too.

    Give `export` the preparation that the training images had. Mapping this very object over the
    training data, `dataset.map(lambda image, label: (preprocessing(image), label))`, makes the two
    the same code.

    Args:
        size: `(height, width)` of the result; `None` takes the model's.
        resize: `"stretch"` ignores the aspect ratio; `"crop"` cuts the central box of the result's
            aspect ratio; `"pad"` keeps the whole image and adds black borders.
        crop_fraction: For `"crop"`: side of the box, as a fraction of the largest that fits. The
            papers' evaluation (shorter side to 256, central 224) is 224 / 256 = 0.875.
        interpolation: `"bilinear"` or another method of `tf.image.resize`.
        antialias: Average over all source pixels when shrinking.
        input_range: `(low, high)`: values to which 0 and 255 are mapped. `(0, 255)` leaves them.
        mean, std: Then `(x - mean) / std`, one number per channel; `None` for neither.

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

    def __post_init__(self):
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

    def __call__(self, image):
        """Resize and scale one image.

        Args:
            image: uint8 or float tensor `[h, w, C]`, values from 0 to 255.

        Returns:
            float32 tensor `[height, width, C]`.
        """
        return self.scale(self.resized(image))

    def resized(self, image):
        """The image at `size`, float32, values still from 0 to 255."""
        import tensorflow as tf

        if self.size is None:
            raise ValueError("`size` is needed to resize: Preprocessing(size=(height, width)).")
        size, options = list(self.size), {"method": self.interpolation, "antialias": self.antialias}
        if self.resize == "pad":
            image = tf.image.resize_with_pad(image, *size, **options)
        else:
            # The box is cut before resizing: enlarging a sliver first could fill the memory.
            image = self._central_box(image) if self.resize == "crop" else image
            image = tf.image.resize(image, size, **options)
        return tf.cast(image, tf.float32)

    def _central_box(self, image):
        import tensorflow as tf

        shape = tf.cast(tf.shape(image)[:2], tf.float32)
        scale = tf.reduce_min(shape / tf.constant(self.size, tf.float32)) * self.crop_fraction
        box = tf.cast(tf.round(tf.constant(self.size, tf.float32) * scale), tf.int32)
        box = tf.maximum(tf.minimum(box, tf.shape(image)[:2]), 1)
        start = (tf.shape(image)[:2] - box) // 2
        return image[start[0] : start[0] + box[0], start[1] : start[1] + box[1]]

    def scale(self, images):
        """Values from 0 to 255 mapped to `input_range`, then less `mean`, divided by `std`."""
        low, high = self.input_range
        if (low, high) != (0.0, 255.0):
            images = images * ((high - low) / 255.0) + low
        if self.mean is not None:
            images = images - list(self.mean)
        return images if self.std is None else images / list(self.std)

    def describe(self) -> dict:
        """The fields, as JSON takes them."""
        return dataclasses.asdict(self)
