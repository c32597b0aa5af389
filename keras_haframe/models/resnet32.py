"""The ResNet-32 for 32 x 32 images of the long-tailed CIFAR experiments."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.models.blocks import batch_norm, channel_axis, convolution
from keras_haframe.tree_ops.values import Shape, Tensor


def kaiming_normal() -> keras.initializers.Initializer:
    """Initialize by a normal of variance `2 / fan in`; Keras's `HeNormal` cuts off its tails."""
    return keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")


@keras.saving.register_keras_serializable(package="keras_haframe")
class ZeroPaddedShortcut(keras.layers.Layer):
    """Shortcut without weights between blocks of different shape (option A).

    Keeps every `strides`-th row and column and puts zero channels around those of the input, half
    of them before, half after.

    Args:
        filters: Channels of the output, not fewer than those of the input.
        strides: Stride.

    Input shape: `[B, h, w, C]` (or `[B, C, h, w]`, as Keras's image data format says). Output
    shape: `[B, ceil(h / strides), ceil(w / strides), filters]`.

    Raises:
        ValueError: If the input has more channels than the output.

    Example:

    >>> keras.ops.convert_to_numpy(ZeroPaddedShortcut(4)(keras.ops.ones((1, 2, 2, 2)))).ravel()
    array([0., 1., 1., 0.], dtype=float32)

    Reference: He et al., Deep Residual Learning (CVPR 2016), section 3.3, option A.
    """

    def __init__(self, filters: int, strides: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.strides = strides
        self.axis = channel_axis()

    def build(self, input_shape: Shape) -> None:
        if input_shape[self.axis] > self.filters:
            raise ValueError(
                f"`filters` must be at least the input's channels, {input_shape[self.axis]}. "
                f"Received: filters={self.filters}"
            )

    def call(self, x: Tensor) -> Tensor:
        more = self.filters - x.shape[self.axis]
        channels = (more // 2, more - more // 2)
        if self.axis == 1:
            x = x[:, :, :: self.strides, :: self.strides]
            return ops.pad(x, ((0, 0), channels, (0, 0), (0, 0)))
        x = x[:, :: self.strides, :: self.strides]
        return ops.pad(x, ((0, 0), (0, 0), (0, 0), channels))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = [None if n is None else -(-n // self.strides) for n in input_shape]
        shape[0], shape[self.axis] = input_shape[0], self.filters
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters, "strides": self.strides}


def basic_block(
    x: Tensor, filters: int, strides: int, momentum: float, synchronized: bool, name: str
) -> Tensor:
    """Two 3 x 3 convolutions beside a shortcut, normalized; ReLU after the first and the sum."""

    def norm(y: Tensor, i: int) -> Tensor:
        return batch_norm(y, f"{name}_bn{i}", momentum, synchronized)

    y = convolution(x, filters, 3, strides, f"{name}_conv1", kaiming_normal())
    y = keras.layers.ReLU(name=f"{name}_relu1")(norm(y, 1))
    y = norm(convolution(y, filters, 3, 1, f"{name}_conv2", kaiming_normal()), 2)
    if strides > 1 or x.shape[channel_axis()] != filters:
        x = ZeroPaddedShortcut(filters, strides, name=f"{name}_shortcut")(x)
    y = keras.layers.Add(name=f"{name}_add")([y, x])
    return keras.layers.ReLU(name=f"{name}_out")(y)


def resnet32(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    width: int = 16,
    blocks: int = 5,
    momentum: float = 0.9,
    synchronized: bool = False,
    name: str | None = None,
) -> keras.Model:
    """ResNet for small images, without a top; ResNet-32 by default.

    A 3 x 3 convolution; three stages of `blocks` blocks with `width`, `2 width` and `4 width`
    channels and strides 1, 2, 2; shortcuts without weights (option A). The ETF paper's networks are
    `resnet32()` for CIFAR-10 (16, 32, 64 channels) and `resnet32(width=32)` for CIFAR-100 (32, 64,
    128), each with `build(..., network="I", hidden_units=None)`: average pool, head.

    Args:
        input_shape: Shape of one normalized image, in Keras's image data format.
        width: Channels of the first stage.
        blocks: Blocks of a stage: 3 is ResNet-20, 5 ResNet-32, 9 ResNet-56.
        momentum: Momentum of the batch normalizations.
        synchronized: Batch statistics over all replicas of a `tf.distribute` strategy.
        name: Name of the model; `"resnet32_16"` and so on by default.

    Returns:
        A `keras.Model` from images to `[B, h / 4, w / 4, 4 width]`.

    Raises:
        ValueError: If `width` or `blocks` is not positive.

    Example:

    >>> resnet32().output_shape
    (None, 8, 8, 64)

    Reference: He et al., Deep Residual Learning (CVPR 2016), section 4.2; widths as of Yang et al.,
    Inducing Neural Collapse in Imbalanced Learning (NeurIPS 2022).
    """
    for what, value in (("width", width), ("blocks", blocks)):
        if value < 1:
            raise ValueError(f"`{what}` must be positive. Received: {what}={value}")
    images = keras.Input(input_shape, name="images")
    x = convolution(images, width, 3, 1, "conv1", kaiming_normal())
    x = keras.layers.ReLU(name="relu1")(batch_norm(x, "bn1", momentum, synchronized))
    for stage in range(3):
        for i in range(blocks):
            x = basic_block(
                x, 2**stage * width, 2 if stage and not i else 1, momentum, synchronized,
                f"stage{stage + 1}_{i}",
            )  # fmt: skip
    return keras.Model(images, x, name=name or f"resnet{6 * blocks + 2}_{width}")
