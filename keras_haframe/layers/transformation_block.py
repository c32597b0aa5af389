"""The transformation that turns backbone features into features that fit a fixed classifier."""

from __future__ import annotations

import keras

from keras_haframe.layers.batch_normalization import BatchNormalization
from keras_haframe.layers.defaults import EPSILON, linear_init
from keras_haframe.tree_ops.options import check_count


def _linear(units: int, name: str, dtype) -> keras.layers.Dense:
    """Bias-free linear layer, initialized as in the paper."""
    return keras.layers.Dense(
        units, use_bias=False, kernel_initializer=linear_init(), name=name, dtype=dtype
    )


@keras.saving.register_keras_serializable(package="keras_haframe")
class ResidualBlock(keras.layers.Layer):
    """`x + PReLU(BN(L2(PReLU(BN(L1 x)))))` on vectors.

    Args:
        units: Width of the output.
        hidden_units: Width between the two linear layers; `units` by default.
        momentum: Momentum of the moving averages of the batch normalizations.
        synchronized: Use batch statistics over all replicas of a distribution strategy.

    Input shape: `[B, width]`. Output shape: `[B, units]`. The linear layers have no bias; PReLU has
    one slope per channel, 0.25 at the start. Where `width != units` the shortcut is a bias-free
    linear layer.

    Example:

    >>> tuple(ResidualBlock(8)(keras.ops.ones((2, 8))).shape)
    (2, 8)

    Reference: Liang and Davis, HAFrame (ICCV 2023), transformation layer.
    """

    def __init__(
        self,
        units: int,
        hidden_units: int | None = None,
        momentum: float = 0.9,
        synchronized: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = units
        self.hidden_units = hidden_units or units
        self.momentum = momentum
        self.synchronized = synchronized
        self.shortcut = None
        dtype = self.dtype_policy

        def steps(width: int, i: int):
            return (
                _linear(width, f"linear{i}", dtype),
                BatchNormalization(
                    momentum=momentum,
                    epsilon=EPSILON,
                    synchronized=synchronized,
                    name=f"norm{i}",
                    dtype=dtype,
                ),
                keras.layers.PReLU(
                    alpha_initializer=keras.initializers.Constant(0.25),
                    name=f"act{i}",
                    dtype=dtype,
                ),
            )

        self.steps = [*steps(self.hidden_units, 1), *steps(units, 2)]

    def build(self, input_shape):
        shape = tuple(input_shape)
        if shape[-1] != self.units:
            self.shortcut = _linear(self.units, "shortcut", self.dtype_policy)
            self.shortcut.build(shape)
        for layer in self.steps:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, x, training=None):
        y = x
        for layer in self.steps:
            norm = isinstance(layer, BatchNormalization)
            y = layer(y, training=training) if norm else layer(y)
        return y + (x if self.shortcut is None else self.shortcut(x))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "hidden_units": self.hidden_units,
            "momentum": self.momentum,
            "synchronized": self.synchronized,
        }


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
        **kwargs,
    ):
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

    def build(self, input_shape):
        if input_shape[-1] != self.units:
            raise ValueError(
                f"TransformationBlock({self.units}) needs inputs of width {self.units}. "
                f"Received input shape: {tuple(input_shape)}"
            )
        for layer in (self.norm, *self.blocks):
            layer.build(input_shape)

    def call(self, x, training=None):
        x = self.norm(x, training=training)
        for block in self.blocks:
            x = block(x, training=training)
        return x

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "input_momentum": self.input_momentum,
            "momentum": self.momentum,
            "synchronized": self.synchronized,
        }
