"""Multi-head self-attention with one linear layer for queries, keys and values."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_haframe.tree_ops.values import Shape, Tensor


def relative_index(grid: tuple[int, int]) -> np.ndarray:
    """Row of the table of relative biases for every pair of tokens, the class token first.

    Args:
        grid: Rows and columns of patches.

    Returns:
        int `[1 + L, 1 + L]`. Pairs of patches with the same offset share a row; the last three of
        the `(2 rows - 1)(2 columns - 1) + 3` rows are for class to patch, patch to class and class
        to class.
    """
    rows, columns = grid
    row, column = np.divmod(np.arange(rows * columns), columns)
    down = row[:, None] - row + rows - 1
    right = column[:, None] - column + columns - 1
    last = (2 * rows - 1) * (2 * columns - 1) + 3
    index = np.empty((len(row) + 1, len(row) + 1), "int32")
    index[1:, 1:] = down * (2 * columns - 1) + right
    index[0], index[1:, 0], index[0, 0] = last - 3, last - 2, last - 1
    return index


@keras.saving.register_keras_serializable(package="keras_haframe")
class SelfAttention(keras.layers.Layer):
    """`softmax(q k' / sqrt(D / heads) + bias) v` over all tokens, and a linear layer after it.

    Args:
        heads: Number of heads; divides the width.
        relative_grid: Rows and columns of patches for BEiT's relative position bias, one learned
            number per head and offset; `None` for none. Tokens must be the class token and all
            patches then.

    Input and output shape: `[B, n, D]`.

    Raises:
        ValueError: If the width is not a multiple of `heads`.

    Example:

    >>> tuple(SelfAttention(2)(keras.ops.ones((3, 5, 8))).shape)
    (3, 5, 8)

    Reference: Vaswani et al., Attention Is All You Need (NeurIPS 2017); relative bias: Bao et al.,
    BEiT (ICLR 2022).
    """

    def __init__(self, heads: int, relative_grid: tuple[int, int] | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.heads = heads
        self.relative_grid = relative_grid
        self.table: keras.Variable | None = None

    def build(self, input_shape: Shape) -> None:
        width = input_shape[-1]
        if width % self.heads:
            raise ValueError(
                f"The width of tokens must be a multiple of `heads`. Received: width={width}, "
                f"heads={self.heads}"
            )
        self.qkv = keras.layers.Dense(3 * width, name="qkv", dtype=self.dtype_policy)
        self.proj = keras.layers.Dense(width, name="proj", dtype=self.dtype_policy)
        for layer in (self.qkv, self.proj):
            layer.build(input_shape)
        if self.relative_grid is not None:
            self._index = relative_index(self.relative_grid)
            self.table = self.add_weight(
                (int(self._index.max()) + 1, self.heads), name="relative_bias",
                initializer="zeros",
            )  # fmt: skip

    def call(self, x: Tensor) -> Tensor:
        _, count, width = x.shape
        shape = (-1, count, 3, self.heads, width // self.heads)
        q, k, v = ops.unstack(ops.reshape(self.qkv(x), shape), axis=2)
        bias = None
        if self.table is not None:
            bias = ops.transpose(ops.take(self.table, self._index, axis=0), (2, 0, 1))[None]
        return self.proj(ops.reshape(ops.dot_product_attention(q, k, v, bias), (-1, count, width)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {"heads": self.heads, "relative_grid": self.relative_grid}
        return {**super().get_config(), **own}
