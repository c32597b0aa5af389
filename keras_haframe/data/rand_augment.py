"""RandAugment in TensorFlow, as a function of the image and of numbers from 0 to 1.

Keras's layer draws from a state of its own, so that a run that is taken up would see other images,
and computes every operation to keep one; here the numbers come from outside, as for crops.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from keras_haframe.data.crops import _tensorflow

if TYPE_CHECKING:  # it imports Keras, which drawing pictures needs not
    from keras_haframe.tree_ops.values import Tensor

NUMBERS = 5  # random numbers of one operation: which, whether, strength (two), sign


def rand_augment(
    image: Tensor, numbers: Tensor, strength: float = 9.0, spread: float = 0.5, chance: float = 0.5
) -> Tensor:
    """Change colors and shape of an image by operations drawn one after another.

    Every operation is drawn from `OPERATIONS`, all equally likely, and applied with probability
    `chance` and a strength from a normal distribution, cut to 0 ... 10. What a shift or a turn
    uncovers gets the mean color of the image.

    Args:
        image: `[h, w, 3]`, values from 0 to 255.
        numbers: `[5 n]` numbers in [0, 1) for n operations.
        strength: Mean strength, from 0 to 10.
        spread: Its standard deviation.
        chance: Probability that an operation that was drawn is applied.

    Returns:
        float32 `[h, w, 3]`, values from 0 to 255.

    Example:

    ```python
    changed = rand_augment(image, tf.random.stateless_uniform([10], [seed, place]))
    ```

    Reference: Cubuk et al., RandAugment (2019); operations, their strengths ("increasing") and the
    probability of a half as in timm, with which vision transformers are fine-tuned. Bilinear only.
    """
    tf = _tensorflow()
    shape = image.shape
    image = tf.cast(image, tf.float32)
    for row in tf.unstack(tf.reshape(numbers, [-1, NUMBERS])):
        which, whether, radius, angle, sign = tf.unstack(row)
        normal = tf.sqrt(-2 * tf.math.log1p(-radius)) * tf.cos(2 * math.pi * angle)
        level = tf.clip_by_value(strength + spread * normal, 0.0, 10.0) / 10
        signed = tf.where(sign < 0.5, -level, level)
        branches = [_branch(change, image, level, signed) for change in OPERATIONS.values()]
        place = tf.cast(which * len(branches), tf.int32)
        place = tf.where(whether < chance, place, len(branches))
        image = tf.switch_case(place, [*branches, lambda image=image: image])
        image = tf.ensure_shape(image, shape)
    return image


def _branch(change: Callable, image: Tensor, level: Tensor, signed: Tensor) -> Callable:
    return lambda: change(image, level, signed)


# Shape: `level` from 0 to 1, `signed` is plus or minus `level`. ----------------------------------


def _moved(image: Tensor, rows: list) -> Tensor:
    """Affine map of places, `(x, y) of the source = rows (x, y, 1)`, pixel centers at halves."""
    tf = _tensorflow()
    (a, b, c), (d, e, f) = rows
    matrix = [a, b, c + (a + b - 1) / 2, d, e, f + (d + e - 1) / 2, 0.0, 0.0]
    mean = tf.reduce_mean(image, (0, 1))  # the operation fills with one number: fill with 0
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=(image - mean)[None],
        transforms=tf.stack([tf.cast(v, tf.float32) for v in matrix])[None],
        output_shape=tf.shape(image)[:2],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return moved[0] + mean


def _size(image: Tensor) -> tuple:
    tf = _tensorflow()
    height, width = tf.unstack(tf.cast(tf.shape(image)[:2], tf.float32))
    return height, width


def _rotate(image: Tensor, level: Tensor, signed: Tensor) -> Tensor:
    tf = _tensorflow()
    height, width = _size(image)
    angle = -signed * (math.pi / 6)  # counterclockwise, as Pillow turns
    cos, sin = tf.cos(angle), tf.sin(angle)
    x, y = width / 2, height / 2
    return _moved(image, [(cos, sin, x - cos * x - sin * y), (-sin, cos, y + sin * x - cos * y)])


def _shear_x(image: Tensor, level: Tensor, signed: Tensor) -> Tensor:
    return _moved(image, [(1.0, 0.3 * signed, 0.0), (0.0, 1.0, 0.0)])


def _shear_y(image: Tensor, level: Tensor, signed: Tensor) -> Tensor:
    return _moved(image, [(1.0, 0.0, 0.0), (0.3 * signed, 1.0, 0.0)])


def _translate_x(image: Tensor, level: Tensor, signed: Tensor) -> Tensor:
    return _moved(image, [(1.0, 0.0, 0.45 * signed * _size(image)[1]), (0.0, 1.0, 0.0)])


def _translate_y(image: Tensor, level: Tensor, signed: Tensor) -> Tensor:
    return _moved(image, [(1.0, 0.0, 0.0), (0.0, 1.0, 0.45 * signed * _size(image)[0])])


# Color --------------------------------------------------------------------------------------------


def _whole(image: Tensor) -> Tensor:
    tf = _tensorflow()
    return tf.clip_by_value(tf.round(image), 0.0, 255.0)


def _autocontrast(image: Tensor, level: Tensor, signed: Tensor) -> Tensor:
    """Stretch every channel to 0 ... 255."""
    tf = _tensorflow()
    low, high = tf.reduce_min(image, (0, 1)), tf.reduce_max(image, (0, 1))
    stretched = (image - low) * 255 / tf.where(high > low, high - low, 1.0)
    return tf.where(high > low, stretched, image)


def _equalize(image: Tensor, level: Tensor, signed: Tensor) -> Tensor:
    """Make the histogram of every channel flat."""
    tf = _tensorflow()
    values = tf.cast(_whole(image), tf.int32)
    counts = tf.reshape(
        tf.math.bincount(tf.reshape(values + [0, 256, 512], [-1]), minlength=768), [3, 256]
    )
    last = 255 - tf.argmax(counts[:, ::-1] > 0, axis=1, output_type=tf.int32)
    step = (tf.reduce_sum(counts, 1) - tf.gather(counts, last, batch_dims=1)) // 255
    below = tf.cumsum(counts, axis=1, exclusive=True)
    divisor = tf.maximum(step, 1)[:, None]
    table = tf.where(step[:, None] > 0, (below + step[:, None] // 2) // divisor, tf.range(256))
    table = tf.reshape(tf.minimum(table, 255), [-1])
    return tf.cast(tf.gather(table, values + [0, 256, 512]), tf.float32)


def _invert(image: Tensor, level: Tensor, signed: Tensor) -> Tensor:
    return 255.0 - image


def _posterize(image: Tensor, level: Tensor, signed: Tensor) -> Tensor:
    """Keep the upper 4 bits at level 0, none at level 1."""
    tf = _tensorflow()
    step = 2.0 ** (8 - (4 - tf.floor(4 * level)))
    return tf.floor(_whole(image) / step) * step


def _solarize(image: Tensor, level: Tensor, signed: Tensor) -> Tensor:
    tf = _tensorflow()
    return tf.where(image < 256 - tf.floor(256 * level), image, 255.0 - image)


def _solarize_add(image: Tensor, level: Tensor, signed: Tensor) -> Tensor:
    tf = _tensorflow()
    return tf.where(image < 128, tf.minimum(image + tf.floor(110 * level), 255.0), image)


def _gray(image: Tensor) -> Tensor:
    tf = _tensorflow()
    return tf.reduce_sum(image * [0.299, 0.587, 0.114], -1, keepdims=True)


def _blend(image: Tensor, other: Tensor, signed: Tensor) -> Tensor:
    """Away from `other` or towards it: factors from 0.1 to 1.9."""
    tf = _tensorflow()
    return tf.clip_by_value(other + (image - other) * (1 + 0.9 * signed), 0.0, 255.0)


def _color(image: Tensor, level: Tensor, signed: Tensor) -> Tensor:
    return _blend(image, _gray(image), signed)


def _contrast(image: Tensor, level: Tensor, signed: Tensor) -> Tensor:
    return _blend(image, _tensorflow().reduce_mean(_gray(image)), signed)


def _brightness(image: Tensor, level: Tensor, signed: Tensor) -> Tensor:
    return _blend(image, 0.0, signed)


def _sharpness(image: Tensor, level: Tensor, signed: Tensor) -> Tensor:
    """Against a blurred image; the border stays."""
    tf = _tensorflow()
    kernel = tf.constant([[1.0, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
    kernel = tf.tile(kernel[:, :, None, None], [1, 1, 3, 1])
    inner = tf.nn.depthwise_conv2d(image[None], kernel, [1, 1, 1, 1], "VALID")[0]
    inside = tf.pad(tf.ones_like(inner), [[1, 1], [1, 1], [0, 0]]) > 0
    blurred = tf.where(inside, tf.pad(inner, [[1, 1], [1, 1], [0, 0]]), image)
    return _blend(image, blurred, signed)


OPERATIONS = {
    "autocontrast": _autocontrast,
    "equalize": _equalize,
    "invert": _invert,
    "rotate": _rotate,
    "posterize": _posterize,
    "solarize": _solarize,
    "solarize_add": _solarize_add,
    "color": _color,
    "contrast": _contrast,
    "brightness": _brightness,
    "sharpness": _sharpness,
    "shear_x": _shear_x,
    "shear_y": _shear_y,
    "translate_x": _translate_x,
    "translate_y": _translate_y,
}
