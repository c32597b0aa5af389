"""The block of a vision transformer."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.layers.self_attention import SelfAttention
from keras_haframe.tree_ops.values import Shape, Tensor

EPSILON = 1e-6  # of every layer normalization in the published networks


@keras.saving.register_keras_serializable(package="keras_haframe")
class TransformerBlock(keras.layers.Layer):
    """`x + drop(a attention(norm(x)))`, then `x + drop(b mlp(norm(x)))`.

    The MLP has one hidden layer, four times as wide, with the exact GELU.

    Args:
        heads: Number of attention heads.
        drop_path: Probability with which an example skips a branch in training.
        layer_scale: Start of the learned scales a and b per channel; `None` for none.
        relative_grid: See `SelfAttention`.

    Input and output shape: `[B, n, D]`.

    Example:

    >>> tuple(TransformerBlock(2)(keras.ops.ones((3, 5, 8))).shape)
    (3, 5, 8)

    Reference: Dosovitskiy et al., An Image is Worth 16x16 Words (ICLR 2021).
    """

    def __init__(
        self,
        heads: int,
        drop_path: float = 0.0,
        layer_scale: float | None = None,
        relative_grid: tuple[int, int] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.heads, self.drop_path, self.layer_scale = heads, drop_path, layer_scale
        self.relative_grid = relative_grid
        self.scales: list[keras.Variable] = []
        dtype = self.dtype_policy
        self.norm1, self.norm2 = (
            keras.layers.LayerNormalization(epsilon=EPSILON, name=name, dtype=dtype)
            for name in ("norm1", "norm2")
        )
        self.attention = SelfAttention(heads, relative_grid, name="attention", dtype=dtype)
        self.drop = None
        if drop_path:
            self.drop = keras.layers.Dropout(drop_path, (None, 1, 1), name="drop", dtype=dtype)

    def build(self, input_shape: Shape) -> None:
        width, dtype = input_shape[-1], self.dtype_policy
        self.fc1 = keras.layers.Dense(4 * width, name="fc1", dtype=dtype)
        self.fc2 = keras.layers.Dense(width, name="fc2", dtype=dtype)
        for layer in (self.norm1, self.attention, self.norm2, self.fc1):
            layer.build(input_shape)
        self.fc2.build((*input_shape[:-1], 4 * width))
        if self.layer_scale is not None:
            start = keras.initializers.Constant(self.layer_scale)
            self.scales = [
                self.add_weight((width,), name=f"scale{i}", initializer=start) for i in (1, 2)
            ]

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        def mlp(y: Tensor) -> Tensor:
            return self.fc2(ops.gelu(self.fc1(y), approximate=False))

        steps: tuple[tuple[Any, Any], ...] = ((self.norm1, self.attention), (self.norm2, mlp))
        for i, (norm, branch) in enumerate(steps):
            y = branch(norm(x))
            if self.scales:
                y = y * self.scales[i]
            x = x + (y if self.drop is None else self.drop(y, training=training))
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "heads": self.heads,
            "drop_path": self.drop_path,
            "layer_scale": self.layer_scale,
            "relative_grid": self.relative_grid,
        }
