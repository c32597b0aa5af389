"""The transformation that turns backbone features into features that fit a fixed classifier."""

from __future__ import annotations

from typing import Any

import keras

from keras_haframe.layers.batch_normalization import BatchNormalization
from keras_haframe.layers.defaults import EPSILON
from keras_haframe.layers.residual_block import ResidualBlock
from keras_haframe.tree_ops.options import check_count
from keras_haframe.tree_ops.values import Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class TransformationBlock(keras.layers.Layer):
    """Batch normalization and two residual blocks: the paper's transformation layer.

    Args:
        units: Width K of input and output, the number of classes in a type II network.
        input_momentum: Momentum of the first batch normalization (0.999 in the WideResNet of the
            paper, else 0.9).
        momentum: Momentum of the batch normalizations inside the blocks.
        synchronized: Use batch statistics over all replicas of a distribution strategy.

    Input and output shape: `[B, units]`.

    Raises:
        ValueError: If `units` is not positive or the input has another width.

    Example:

    >>> tuple(TransformationBlock(10)(keras.ops.ones((2, 10))).shape)
    (2, 10)

    Reference: Liang and Davis, HAFrame (ICCV 2023), transformation layer.
    """

    def __init__(
        self,
        units: int,
        input_momentum: float = 0.9,
        momentum: float = 0.9,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = check_count(units, "units")
        self.input_momentum = input_momentum
        self.momentum = momentum
        self.synchronized = synchronized
        self.norm = BatchNormalization(
            momentum=input_momentum,
            epsilon=EPSILON,
            synchronized=synchronized,
            name="norm",
            dtype=self.dtype_policy,
        )
        self.blocks = [
            ResidualBlock(
                units, None, momentum, synchronized, name=f"block{i}", dtype=self.dtype_policy
            )
            for i in (1, 2)
        ]

    def build(self, input_shape: Shape) -> None:
        if input_shape[-1] != self.units:
            raise ValueError(
                f"TransformationBlock({self.units}) needs inputs of width {self.units}. "
                f"Received input shape: {tuple(input_shape)}"
            )
        self.norm.build(input_shape)
        for block in self.blocks:
            block.build(input_shape)

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        x = self.norm(x, training=training)
        for block in self.blocks:
            x = block(x, training=training)
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "input_momentum": self.input_momentum,
            "momentum": self.momentum,
            "synchronized": self.synchronized,
        }
