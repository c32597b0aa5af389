"""The residual block of the transformation layer."""

from __future__ import annotations

from typing import Any

import keras

from keras_haframe.layers.batch_normalization import BatchNormalization
from keras_haframe.layers.defaults import EPSILON, linear_init
from keras_haframe.tree_ops.values import Shape, Tensor


def _linear(units: int, name: str, dtype: Any) -> keras.layers.Dense:
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.hidden_units = hidden_units or units
        self.momentum = momentum
        self.synchronized = synchronized
        self.shortcut: keras.layers.Layer | None = None
        dtype = self.dtype_policy

        def steps(width: int, i: int) -> Any:
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

    def build(self, input_shape: Shape) -> None:
        shape = tuple(input_shape)
        if shape[-1] != self.units:
            shortcut = self.shortcut = _linear(self.units, "shortcut", self.dtype_policy)
            shortcut.build(shape)
        for layer in self.steps:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        y = x
        for layer in self.steps:
            norm = isinstance(layer, BatchNormalization)
            y = layer(y, training=training) if norm else layer(y)
        return y + (x if self.shortcut is None else self.shortcut(x))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "hidden_units": self.hidden_units,
            "momentum": self.momentum,
            "synchronized": self.synchronized,
        }
