"""A small convolutional backbone for small images."""

from __future__ import annotations

import keras

from keras_haframe.layers.batch_normalization import BatchNormalization


def small_cnn(
    input_shape: tuple[int, int, int] = (64, 64, 3),
    widths: tuple[int, ...] = (16, 32, 64, 128, 192),
    name: str = "small_cnn",
) -> keras.Model:
    """Convolution, batch normalization and ReLU per width; each but the last halves the image.

    Small enough to train from scratch in a minute on two CPU cores.

    Args:
        input_shape: Shape of one image with values from 0 to 255.
        widths: Channels of the layers; the first convolution has stride 2, the following ones are
            followed by max pooling, except the last.
        name: Name of the model.

    Returns:
        A `keras.Model` from images to `[B, h, w, widths[-1]]`.

    Raises:
        ValueError: If the images are too small to be halved so often.

    Example:

    >>> small_cnn((64, 64, 3)).output_shape
    (None, 4, 4, 192)
    """
    least = 2 ** (len(widths) - 1)
    if min(input_shape[:2]) < least:
        raise ValueError(
            f"{len(widths)} `widths` need images of at least {least} x {least}; give fewer. "
            f"Received: input_shape={input_shape}, widths={widths}"
        )
    images = keras.Input(input_shape, name="images")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(images)
    for i, width in enumerate(widths, start=1):
        x = keras.layers.Conv2D(
            width, 3, strides=2 if i == 1 else 1, padding="same", use_bias=False, name=f"conv{i}"
        )(x)
        x = BatchNormalization(momentum=0.9, name=f"norm{i}")(x)
        x = keras.layers.ReLU(name=f"relu{i}")(x)
        if 1 < i < len(widths):
            x = keras.layers.MaxPooling2D(name=f"halve{i}")(x)
    return keras.Model(images, x, name=name)
