"""From an image to the model's input: one object for training, evaluation and serving."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_haframe.data.augmentation import Augmentation
from keras_haframe.data.images import decode as decode_file

if TYPE_CHECKING:  # it imports Keras, which drawing pictures needs not
    import keras

    from keras_haframe.tree_ops.values import Tensor

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RESIZE = ("stretch", "crop", "pad")
METHODS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian")


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """How an image of any size becomes the model's input. A function for `tf.data`, too.

    One object for all: `data.batches` trains and evaluates with it, and given to `export` the
    served model does the same. With images in memory, `preprocessing(images)` is what is evaluated
    and `ArrayBatches(images, labels, ..., augment=preprocessing.train_batch)` what is trained on.
    (Or map it over data of your own, `dataset.map(lambda image, label: (preprocessing(image),
    label))`.)

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
        bgr: Before that, the channels from RGB to BGR, as Keras's ResNet50 and VGG want them.
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
    bgr: bool = False
    augmentation: Augmentation = dataclasses.field(default_factory=Augmentation)

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

    @classmethod
    def for_backbone(
        cls, backbone: keras.Layer, size: tuple[int, int] | None = None, **options: Any
    ) -> Preprocessing:
        """As a pretrained network of `keras.applications` was fed: the values its weights want.

        Args:
            backbone: Made by `keras.applications`, known by its name.
            size: `(height, width)`; by default that of the network's input.
            **options: Further fields of a `Preprocessing`, such as `resize="crop"`.

        Raises:
            ValueError: For a network that is not known.

        Example:

        ```python
        backbone = keras.applications.MobileNetV2(include_top=False, input_shape=(224, 224, 3))
        preprocessing = Preprocessing.for_backbone(backbone)  # 224 x 224, values from -1 to 1
        ```
        """
        from keras_haframe.data.backbone_range import published_scaling

        scaling = published_scaling(backbone)
        if scaling is None:
            raise ValueError(
                "`backbone` must be a network of keras.applications to know the values it wants. "
                f"Received: {backbone.name!r}. Say them: Preprocessing(size, input_range=(-1, 1)), "
                "or with `mean`, `std` and `bgr`."
            )
        known = getattr(backbone, "input_shape", None)
        if size is None and known is not None and None not in known[1:3]:
            size = tuple(known[1:3])
        return cls(size, **{**scaling, **options})

    def __call__(self, images: Tensor) -> Tensor:
        """Resize and scale one image or a batch, without a random change.

        Args:
            images: `[h, w, C]` or `[B, h, w, C]`, uint8 or float, values from 0 to 255. NumPy
                arrays that need no resizing need no TensorFlow.

        Returns:
            float32 `[..., height, width, C]`; an array from an array, a tensor from a tensor.
        """
        return self.scale(self.resized(images))

    def train_batch(self, generator: np.random.Generator, images: np.ndarray) -> np.ndarray:
        """Change every image of a batch at random and prepare it, in NumPy.

        A function for `ArrayBatches(images, labels, ..., augment=preprocessing.train_batch)`.

        Args:
            generator: Where the random places come from.
            images: `[B, h, w, C]`, uint8 or float, values from 0 to 255.

        Returns:
            float32 `[B, height, width, C]`.

        Raises:
            ValueError: For the change `"resized_crop"`, which takes single images.
        """
        if not self._fits(images):
            images = self.resized(images)
        return self.scale(self.augmentation(generator, images))

    def evaluate(self, image: Tensor) -> Tensor:
        """Prepare an image that is decoded, or still the bytes of a JPEG or PNG file."""
        return self(self.decode(image))

    def train(self, image: Tensor, numbers: Tensor) -> Tensor:
        """Return the changed and prepared image, in TensorFlow.

        Args:
            image: uint8 `[h, w, 3]`, or the bytes of a JPEG or PNG file.
            numbers: `[augmentation.numbers]` numbers in [0, 1), as of `Augmentation.one`.

        Returns:
            float32 `[height, width, 3]`.
        """
        image, how = self.decode(image), self.augmentation
        if how.change != "resized_crop":
            image = self.resized(image)
        return how.erase(self.scale(how.one(image, numbers, self.size)), numbers)

    @staticmethod
    def decode(image: Tensor) -> Tensor:
        """Decode JPEG or PNG bytes; leave a decoded image `[h, w, 3]` as it is."""
        import tensorflow as tf

        return decode_file(image) if image.dtype == tf.string else image

    def _fits(self, images: np.ndarray) -> bool:
        """Whether images have the size already, so that nothing is to be resized."""
        zoomed = self.resize == "crop" and self.crop_fraction < 1
        return self.size is None or (images.shape[-3:-1] == tuple(self.size) and not zoomed)

    def resized(self, images: Tensor) -> Tensor:
        """Return the images at `size`, float32, values still from 0 to 255."""
        arrays = isinstance(images, np.ndarray)
        if self.size is None or (arrays and self._fits(images)):
            return _float32(images)
        import tensorflow as tf

        size, options = list(self.size), {"method": self.interpolation, "antialias": self.antialias}
        if self.resize == "pad":
            images = self._whole_with_borders(images, size, options)
        else:
            # The box is cut before resizing: enlarging a sliver first could fill the memory.
            images = self._central_box(images) if self.resize == "crop" else images
            images = tf.image.resize(images, size, **options)
        images = tf.cast(images, tf.float32)
        return images.numpy() if arrays else images

    def _central_box(self, images: Tensor) -> Tensor:
        import tensorflow as tf

        whole = tf.shape(images)[-3:-1]
        size = tf.constant(self.size, tf.float32)
        scale = tf.reduce_min(tf.cast(whole, tf.float32) / size) * self.crop_fraction
        box = tf.cast(tf.round(size * scale), tf.int32)
        box = tf.maximum(tf.minimum(box, whole), 1)
        top, left = tf.unstack((whole - box) // 2)
        return images[..., top : top + box[0], left : left + box[1], :]

    @staticmethod
    def _whole_with_borders(images: Tensor, size: list[int], options: dict) -> Tensor:
        """As `tf.image.resize_with_pad`, which makes nothing of a sliver: here it stays a line."""
        import tensorflow as tf

        room, whole = tf.constant(size, tf.float32), tf.cast(tf.shape(images)[-3:-1], tf.float32)
        inner = whole / tf.reduce_max(whole / room)
        top, left = tf.unstack(tf.maximum(tf.cast(tf.floor((room - inner) / 2), tf.int32), 0))
        images = tf.image.resize(images, tf.maximum(tf.cast(inner, tf.int32), 1), **options)
        return tf.image.pad_to_bounding_box(images, top, left, *size)

    def scale(self, images: Tensor) -> Tensor:
        """Values from 0 to 255 mapped to `input_range`, BGR if so, less `mean`, divided by `std`.

        Args:
            images: Numbers `[..., C]`: a NumPy array, or a tensor of TensorFlow or of the backend.

        Returns:
            float32, of the same kind and shape.
        """
        low, high = self.input_range
        mean, std = (None if v is None else np.array(v, np.float32) for v in (self.mean, self.std))
        images = _float32(images)
        if (low, high) != (0.0, 255.0):
            images = images * np.float32((high - low) / 255.0) + np.float32(low)
        if self.bgr:
            images = _flipped(images)
        if mean is not None:
            images = images - _like(images, mean)
        return images if std is None else images / _like(images, std)

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
    """Cast an array or tensor to float32; TensorFlow's also where another backend computes."""
    if isinstance(images, np.ndarray):
        return images.astype(np.float32)
    if type(images).__module__.startswith("tensorflow"):
        import tensorflow as tf

        return tf.cast(images, tf.float32)
    from keras import ops

    return ops.cast(images, "float32")


def _flipped(images: Tensor) -> Tensor:
    """Reverse the channels; PyTorch takes no negative steps."""
    if not type(images).__module__.startswith("torch"):
        return images[..., ::-1]
    from keras import ops

    return ops.flip(images, axis=-1)


def _like(images: Tensor, constants: np.ndarray) -> Tensor:
    """Constants that can be computed with the images; PyTorch takes no arrays."""
    if not type(images).__module__.startswith("torch"):
        return constants
    from keras import ops

    return ops.convert_to_tensor(constants)
