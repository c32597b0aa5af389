"""ResNet-50 in torchvision's layout (v1.5), the backbone of the papers' larger data sets."""

from __future__ import annotations

import keras

from keras_haframe.layers.defaults import conv_init
from keras_haframe.models.blocks import batch_norm, convolution
from keras_haframe.tree_ops.values import Tensor


def _norm(x: Tensor, name: str, synchronized: bool, relu: bool = True) -> Tensor:
    x = batch_norm(x, name, synchronized=synchronized)
    return keras.layers.ReLU(name=f"{name}_relu")(x) if relu else x


def bottleneck(
    x: Tensor, width: int, strides: int, project: bool, synchronized: bool, name: str
) -> Tensor:
    """1 x 1, 3 x 3 and 1 x 1 convolutions to `4 width` channels beside a shortcut.

    The stride is in the 3 x 3 convolution; `project` puts a 1 x 1 convolution with batch
    normalization into the shortcut.
    """
    y = convolution(x, width, 1, 1, f"{name}_conv1")
    y = _norm(y, f"{name}_bn1", synchronized)
    y = convolution(y, width, 3, strides, f"{name}_conv2")
    y = _norm(y, f"{name}_bn2", synchronized)
    y = convolution(y, 4 * width, 1, 1, f"{name}_conv3")
    y = _norm(y, f"{name}_bn3", synchronized, relu=False)
    if project:
        x = convolution(x, 4 * width, 1, strides, f"{name}_downsample_0")
        x = _norm(x, f"{name}_downsample_1", synchronized, relu=False)
    y = keras.layers.Add(name=f"{name}_add")([y, x])
    return keras.layers.ReLU(name=f"{name}_out")(y)


def resnet50(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    blocks: tuple[int, ...] = (3, 4, 6, 3),
    synchronized: bool = False,
    name: str = "resnet50",
) -> keras.Model:
    """ResNet-50 without a top, exactly as torchvision and timm lay it out.

    `keras.applications.ResNet50` is another network: its stride is in the first 1 x 1 convolution,
    its convolutions have biases and its batch normalizations another epsilon, so it cannot hold
    PyTorch weights. Load such weights into this one with `load_torch_weights`.

    Layers are named as in PyTorch, with `_` for `.` (`layer1_0_conv1`).

    Args:
        input_shape: Shape of one image, in Keras's image data format; values normalized with the
            mean and standard deviation of the data set (RGB).
        blocks: Number of bottleneck blocks per stage; `(3, 4, 23, 3)` is ResNet-101.
        synchronized: Batch statistics over all replicas of a `tf.distribute` strategy.
        name: Name of the model.

    Returns:
        A `keras.Model` from images to `[B, h / 32, w / 32, 2048]`.

    Example:

    >>> resnet50().output_shape
    (None, 7, 7, 2048)
    >>> resnet50().count_params()  # torchvision: 25,557,032 with the top of 2,049,000
    23561152

    Reference: He et al., Deep Residual Learning (CVPR 2016); torchvision's variant with the stride
    in the 3 x 3 convolution.
    """
    images = keras.Input(input_shape, name="images")
    x = convolution(images, 64, 7, 2, "conv1", conv_init())
    x = _norm(x, "bn1", synchronized)
    # Zeros are below or equal to every value after a ReLU: as good as PyTorch's padding here.
    x = keras.layers.ZeroPadding2D(1, name="maxpool_pad")(x)
    x = keras.layers.MaxPooling2D(3, 2, name="maxpool")(x)
    for stage, count in enumerate(blocks, start=1):
        for i in range(count):
            strides = 2 if stage > 1 and i == 0 else 1
            x = bottleneck(
                x, 32 * 2**stage, strides, i == 0, synchronized, f"layer{stage}_{i}"
            )  # fmt: skip
    return keras.Model(images, x, name=name)
