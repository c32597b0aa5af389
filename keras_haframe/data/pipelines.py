"""How the papers' images become batches: augmentation, normalization, order.

A training image's change and place depend on the seed, the epoch and the image's place in the data
set, on nothing else: not on threads, on earlier epochs, or on where a run was taken up again.
"""

from __future__ import annotations

import dataclasses

from keras_haframe.data import augment

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """What happens to one image.

    Training with `"pad_and_crop"`: resize to `size`, pad, crop at a random place, mirror every
    other image, normalize. With `"resized_crop"`: a box of random area and aspect ratio resized to
    `size`, mirror, normalize. Evaluation: resize to `size` without regard to the aspect ratio,
    normalize.

    Args:
        mean, std: RGB, of values from 0 to 1.
        size: Side of the input; `None` keeps that of the images.
        change: `"pad_and_crop"`, `"resized_crop"` or `"none"`.
        padding: Pixels of padding on every side.
        pad_mode: `"CONSTANT"` (black) or `"REFLECT"`.
        last_offset: `False` never draws the last place of the crop, as in the papers' CIFAR code.
        scale, ratio: Ranges of area and aspect ratio of `"resized_crop"`.

    Example:

    ```python
    pipeline = dataclasses.replace(PIPELINES["cifar100"], last_offset=False)
    image = pipeline.evaluate(image)
    ```
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    size: int | None = 224
    change: str = "resized_crop"
    padding: int = 4
    pad_mode: str = "CONSTANT"
    last_offset: bool = True
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)

    def __post_init__(self):
        if self.change not in ("pad_and_crop", "resized_crop", "none"):
            raise ValueError(
                "`change` must be 'pad_and_crop', 'resized_crop' or 'none'. "
                f"Received: change={self.change!r}"
            )
        if self.change == "resized_crop" and self.size is None:
            raise ValueError("`size` must be given with change='resized_crop'. Received: None")

    @property
    def numbers(self) -> int:
        """How many random numbers the change of an image takes."""
        return {"pad_and_crop": 3, "resized_crop": 1 + 4 * augment.ATTEMPTS, "none": 0}[self.change]

    def normalize(self, image):
        """`(image / 255 - mean) / std`, float32."""
        tf = augment._tensorflow()
        mean, std = (255.0 * tf.constant(v, tf.float32) for v in (self.mean, self.std))
        return (tf.cast(image, tf.float32) - mean) / std

    def decode(self, image):
        """Decode JPEG or PNG bytes; leave a decoded image `[h, w, 3]` as it is."""
        tf = augment._tensorflow()
        if image.dtype == tf.string:
            # Reads PNG, too. Its default is a faster transform that is off by several gray levels.
            image = tf.io.decode_jpeg(image, channels=3, dct_method="INTEGER_ACCURATE")
        return image

    def train(self, image, numbers):
        """The changed, normalized image.

        Args:
            image: uint8 `[h, w, 3]`, or the bytes of a JPEG or PNG file.
            numbers: `[self.numbers]` numbers in [0, 1): whether to mirror, then the crop's.

        Returns:
            float32 `[size, size, 3]`.
        """
        if self.change == "none":
            return self.evaluate(image)
        image = self.decode(image)
        if self.change == "pad_and_crop":
            if self.size is not None:
                image = augment.resize(image, self.size)
            shape = image.shape
            image = augment.pad_and_crop(
                image, numbers[1:], self.padding, self.pad_mode, self.last_offset
            )
            image.set_shape(shape)
        else:
            image = augment.resized_crop(
                image, numbers[1:], self.size, scale=self.scale, ratio=self.ratio
            )
        return self.normalize(augment.flip(image, numbers[0]))

    def evaluate(self, image):
        """The normalized image, float32 `[size, size, 3]`."""
        image = self.decode(image)
        return self.normalize(image if self.size is None else augment.resize(image, self.size))

    def preprocessing(self):
        """What `evaluate` does to a decoded image, for `keras_haframe.export`."""
        from keras_haframe.export.preprocessing import Preprocessing

        return Preprocessing(
            None if self.size is None else (self.size, self.size), "stretch", antialias=True,
            input_range=(0.0, 1.0), mean=self.mean, std=self.std,
        )  # fmt: skip


PIPELINES = {
    "cifar100": Pipeline(
        (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761), None, "pad_and_crop",
        pad_mode="REFLECT",
    ),
    "fgvc_aircraft": Pipeline(
        (0.4880712, 0.5191783, 0.54383063), (0.21482512, 0.20683703, 0.23937796), 224,
        "pad_and_crop",
    ),
    "inaturalist2019": Pipeline((0.454, 0.474, 0.367), (0.237, 0.230, 0.249)),
    "tiered_imagenet_h": Pipeline(IMAGENET_MEAN, IMAGENET_STD),
}  # fmt: skip
