"""What the papers' convolutional networks share."""

from __future__ import annotations

import keras

from keras_haframe.layers import BatchNormalization
from keras_haframe.layers.defaults import EPSILON, conv_init
from keras_haframe.tree_ops.values import Tensor


def channel_axis() -> int:
    """Axis of the channels in Keras's image data format."""
    return 1 if keras.config.image_data_format() == "channels_first" else -1


def convolution(
    x: Tensor,
    filters: int,
    size: int,
    strides: int,
    name: str,
    init: keras.initializers.Initializer | None = None,
) -> Tensor:
    """Convolution without bias, padded by `size // 2` on every side as PyTorch pads.

    Keras's `"same"` pads a strided convolution on the right and below only, which is another
    network.
    """
    padding = "same" if strides == 1 else "valid"
    if strides > 1 and size > 1:
        x = keras.layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
    return keras.layers.Conv2D(
        filters,
        size,
        strides,
        padding,
        use_bias=False,
        kernel_initializer=init or conv_init(),
        name=name,
    )(x)


def batch_norm(x: Tensor, name: str, momentum: float = 0.9, synchronized: bool = False) -> Tensor:
    """Batch normalization of feature maps as PyTorch has it."""
    return BatchNormalization(
        axis=channel_axis(), momentum=momentum, epsilon=EPSILON, synchronized=synchronized,
        name=name,
    )(x)  # fmt: skip
