"""Crops and mirror images in TensorFlow, as functions of the image and of numbers from 0 to 1.

Randomness comes from outside, so that an image's change depends on its own numbers only, whatever
its batch and however many threads work. For use in `tf.data`; `Augmentation` says which.
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # it imports Keras, which drawing pictures needs not
    from keras_haframe.tree_ops.values import Tensor


def _tensorflow() -> ModuleType:
    try:
        import tensorflow as tf
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "The pipelines of keras_haframe.data use tf.data and need TensorFlow. Install it with: "
            'pip install "keras_haframe[tensorflow-cpu]"'
        ) from None
    return tf


def _place(number: Tensor, count: Tensor) -> Tensor:
    """Whole number from 0 to `count - 1`, all equally likely."""
    tf = _tensorflow()
    count = tf.cast(count, tf.float32)
    return tf.cast(tf.minimum(tf.floor(number * count), count - 1), tf.int32)


def pad_and_crop(
    image: Tensor, numbers: Tensor, padding: int = 4, mode: str = "constant", last: bool = True
) -> Tensor:
    """Pad on all sides and cut out a box of the image's own size at a random place.

    Args:
        image: `[h, w, c]`.
        numbers: Two numbers in [0, 1): vertical and horizontal place.
        padding: Pixels on every side; there are `2 padding + 1` places in each direction.
        mode: `"constant"` (zeros) or `"reflect"`.
        last: Whether the last place may be drawn; the papers' CIFAR code leaves it out.

    Returns:
        `[h, w, c]`.
    """
    tf = _tensorflow()
    shape = tf.shape(image)
    image = tf.pad(image, [[padding, padding], [padding, padding], [0, 0]], mode)
    places = 2 * padding + bool(last)
    y, x = _place(numbers[0], places), _place(numbers[1], places)
    return tf.slice(image, tf.stack([y, x, 0]), shape)


def flip(image: Tensor, number: Tensor) -> Tensor:
    """Mirror left to right if `number` is below a half."""
    tf = _tensorflow()
    return tf.cond(number < 0.5, lambda: tf.reverse(image, [1]), lambda: image)


def resize(image: Tensor, size: tuple[int, int], interpolation: str = "bilinear") -> Tensor:
    """To `(height, width)` with antialiasing, whatever the shape was; float32, 0 to 255.

    The same filters as Pillow's, which the papers use.
    """
    tf = _tensorflow()
    resized = tf.image.resize(image, size, interpolation, antialias=True)
    # A cubic goes beyond the values between which it runs.
    return tf.clip_by_value(resized, 0.0, 255.0) if interpolation == "bicubic" else resized


ATTEMPTS = 10


def resized_crop_box(
    height: Tensor,
    width: Tensor,
    numbers: Tensor,
    scale: tuple = (0.08, 1.0),
    ratio: tuple = (3 / 4, 4 / 3),
) -> Tensor:
    """Box of a random area and aspect ratio, as torchvision's `RandomResizedCrop` draws it.

    An attempt draws the share of the area uniformly from `scale` and the logarithm of the aspect
    ratio uniformly from `ratio`; the first of ten boxes that fits into the image is placed at
    random. If none fits: the largest box in the middle with an aspect ratio within `ratio`.

    Args:
        height: Height of the image.
        width: Width of the image.
        numbers: `[4 x 10]` numbers in [0, 1).
        scale: Least and largest share of the image's area.
        ratio: Least and largest width over height.

    Returns:
        int32 `(top, left, height, width)`.

    Reference: Szegedy et al., Going Deeper with Convolutions (CVPR 2015).
    """
    tf = _tensorflow()
    full_h, full_w = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
    area, log_ratio, top, left = tf.unstack(tf.reshape(numbers, [4, ATTEMPTS]))
    area = full_h * full_w * (scale[0] + (scale[1] - scale[0]) * area)
    low, high = math.log(ratio[0]), math.log(ratio[1])
    aspect = tf.exp(low + (high - low) * log_ratio)
    w, h = tf.round(tf.sqrt(area * aspect)), tf.round(tf.sqrt(area / aspect))
    fits = (w > 0) & (w <= full_w) & (h > 0) & (h <= full_h)
    boxes = tf.stack(
        [
            _place(top, tf.maximum(full_h - h + 1, 1)),
            _place(left, tf.maximum(full_w - w + 1, 1)),
            tf.cast(h, tf.int32),
            tf.cast(w, tf.int32),
        ],
        axis=1,
    )
    whole_h = tf.minimum(full_h, tf.round(full_w / ratio[0]))
    whole_w = tf.minimum(full_w, tf.round(full_h * ratio[1]))
    middle = tf.stack([(full_h - whole_h) // 2, (full_w - whole_w) // 2, whole_h, whole_w])
    first = boxes[tf.argmax(tf.cast(fits, tf.int32))]
    return tf.where(tf.reduce_any(fits), first, tf.cast(middle, tf.int32))


def resized_crop(
    image: Tensor,
    numbers: Tensor,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    **box_options: Any,
) -> Tensor:
    """Cut out a `resized_crop_box` and bring it to `size`; float32."""
    tf = _tensorflow()
    shape = tf.shape(image)
    top, left, h, w = tf.unstack(resized_crop_box(shape[0], shape[1], numbers, **box_options))
    return resize(image[top : top + h, left : left + w], size, interpolation)


def erase(image: Tensor, numbers: Tensor, chance: float) -> Tensor:
    """Fill a box of 2 to 33 % of a normalized image with standard normal noise, or leave it.

    Args:
        image: `[h, w, c]`.
        numbers: `[3 + 4 x 10]` numbers in [0, 1): whether, two for the noise, the box.
        chance: Probability that a box is filled.

    Returns:
        `[h, w, c]`.

    Reference: Zhong et al., Random Erasing Data Augmentation (AAAI 2020); noise by pixel, aspect
    ratios from 0.3 to 1 / 0.3, as vision transformers are fine-tuned.
    """
    tf = _tensorflow()
    shape = tf.shape(image)
    top, left, h, w = tf.unstack(
        resized_crop_box(shape[0], shape[1], numbers[3:], (0.02, 1 / 3), (0.3, 1 / 0.3))
    )
    rows, columns = tf.range(shape[0])[:, None, None], tf.range(shape[1])[None, :, None]
    inside = (rows >= top) & (rows < top + h) & (columns >= left) & (columns < left + w)
    seed = tf.cast(numbers[1:3] * 2.0**31, tf.int64)
    noise = tf.random.stateless_normal(shape, seed, dtype=image.dtype)
    return tf.where(inside & (numbers[0] < chance), noise, image)
