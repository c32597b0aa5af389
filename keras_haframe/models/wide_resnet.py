"""The pre-activation WideResNet for 32 x 32 images that the papers train on CIFAR-100."""

from __future__ import annotations

import keras

from keras_haframe.models.blocks import batch_norm, channel_axis, convolution
from keras_haframe.tree_ops.values import Tensor

SLOPE = 0.1


def wide_basic_block(
    x: Tensor, filters: int, strides: int = 1, shared: bool = False, momentum: float = 0.999,
    synchronized: bool = False, name: str = "block",
) -> Tensor:  # fmt: skip
    """Two pre-activated 3 x 3 convolutions beside a shortcut.

    With `n` for batch normalization and LeakyReLU 0.1:

    - channels and size unchanged: `x + conv2(n2(conv1(n1(x))))`;
    - widening with `shared` (first block of the network): `y = n1(x)`, then
      `shortcut(y) + conv2(n2(conv1(y)))`;
    - widening otherwise: `shortcut(x) + conv2(n2(conv1(x)))`. The published code computes `n1(x)`
      here and throws it away; this network does without it. Outputs, gradients and training are
      the same, only the two scale and shift vectors that nothing reads are missing.

    Args:
        x: Symbolic feature map.
        filters: Output channels.
        strides: Stride of the first convolution and of the shortcut.
        shared: Whether the shortcut of a widening block also gets the activated input.
        momentum: Momentum of the moving averages.
        synchronized: Batch statistics over all replicas.
        name: Prefix of the layers' names.

    Returns:
        Symbolic feature map with `filters` channels.

    Reference: Zagoruyko and Komodakis, Wide Residual Networks (BMVC 2016), as changed in the code
    of Garg et al., HAFeature (ECCV 2022).
    """

    def activated(y: Tensor, i: int) -> Tensor:
        y = batch_norm(y, f"{name}_bn{i}", momentum, synchronized)
        return keras.layers.LeakyReLU(negative_slope=SLOPE, name=f"{name}_act{i}")(y)

    widens = x.shape[channel_axis()] != filters or strides > 1
    path = x if widens and not shared else activated(x, 1)
    shortcut = x
    if widens:
        shortcut = convolution(path, filters, 1, strides, f"{name}_convShortcut")
    path = convolution(path, filters, 3, strides, f"{name}_conv1")
    path = convolution(activated(path, 2), filters, 3, 1, f"{name}_conv2")
    return keras.layers.Add(name=f"{name}_add")([shortcut, path])


def wide_resnet(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    depth: int = 28,
    width: int = 8,
    momentum: float = 0.999,
    synchronized: bool = False,
    name: str | None = None,
) -> keras.Model:
    """WideResNet without a top; WRN-28-8 by default.

    A 3 x 3 convolution to 16 channels; three groups of `(depth - 4) / 6` blocks with `16 width`,
    `32 width` and `64 width` channels and strides 1, 2, 2; batch normalization and LeakyReLU 0.1.
    The papers' networks on top of it are

    - type I: `build(wide_resnet(), tree, network="I", hidden_units=None)`: average pool, linear
      classifier;
    - type II: `build(wide_resnet(), tree, network="II", input_momentum=0.999,
      reduce_init="normal")`: 1x1 convolution, average pool, transformation block, classifier.

    Args:
        input_shape: Shape of one normalized image, in Keras's image data format.
        depth: 6 n + 4 for n blocks per group.
        width: Widening factor.
        momentum: Momentum of the batch normalizations (0.001 in PyTorch's sense is 0.999 here).
        synchronized: Batch statistics over all replicas of a `tf.distribute` strategy.
        name: Name of the model; `"wide_resnet_28_8"` and so on by default.

    Returns:
        A `keras.Model` from images to `[B, h / 4, w / 4, 64 width]`.

    Raises:
        ValueError: If `depth` is not 6 n + 4 or `width` is not positive.

    Example:

    >>> wide_resnet().output_shape
    (None, 8, 8, 512)

    Reference: Zagoruyko and Komodakis, Wide Residual Networks (BMVC 2016).
    """
    blocks, rest = divmod(depth - 4, 6)
    if rest or blocks < 1:
        raise ValueError(f"`depth` must be 6 n + 4, such as 16 or 28. Received: depth={depth}")
    if width < 1:
        raise ValueError(f"`width` must be positive. Received: width={width}")
    images = keras.Input(input_shape, name="images")
    x = convolution(images, 16, 3, 1, "conv1")
    for group in (1, 2, 3):
        for i in range(blocks):
            x = wide_basic_block(
                x, 8 * 2**group * width, 2 if group > 1 and i == 0 else 1, shared=group == 1,
                momentum=momentum, synchronized=synchronized, name=f"block{group}_layer_{i}",
            )  # fmt: skip
    x = batch_norm(x, "bn1", momentum, synchronized)
    x = keras.layers.LeakyReLU(negative_slope=SLOPE, name="act")(x)
    return keras.Model(images, x, name=name or f"wide_resnet_{depth}_{width}")
