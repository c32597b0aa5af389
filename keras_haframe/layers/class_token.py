"""The learned token that stands for the whole image."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.tree_ops.values import Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class ClassToken(keras.layers.Layer):
    """Put a learned token before the others.

    Its position, where published networks have one, is part of it: the two are only ever added.

    Input shape: `[B, n, D]`. Output shape: `[B, 1 + n, D]`.

    Example:

    >>> tuple(ClassToken()(keras.ops.ones((3, 5, 8))).shape)
    (3, 6, 8)
    """

    def build(self, input_shape: Shape) -> None:
        self.token = self.add_weight(
            (1, 1, input_shape[-1]), name="token",
            initializer=keras.initializers.RandomNormal(stddev=0.02),
        )  # fmt: skip

    def call(self, tokens: Tensor) -> Tensor:
        first = ops.broadcast_to(
            ops.cast(self.token, tokens.dtype), (ops.shape(tokens)[0], 1, tokens.shape[-1])
        )
        return ops.concatenate([first, tokens], axis=1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, count, width = input_shape
        return (batch, count + 1, width)

    def get_config(self) -> dict[str, Any]:
        return super().get_config()
