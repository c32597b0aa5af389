"""The light decoder of a masked autoencoder."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.layers.masking import take_tokens
from keras_haframe.layers.patch_embedding import sincos_positions
from keras_haframe.layers.transformer_block import EPSILON, TransformerBlock
from keras_haframe.tree_ops.values import Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class MAEDecoder(keras.layers.Layer):
    """From the encoder's tokens to the pixels of every patch.

    A linear layer to the decoder's width, a mask token in the place of every hidden patch, fixed
    positions, transformer blocks, and a linear layer to the pixels.

    Args:
        grid: Rows and columns of patches.
        outputs: Values per patch, `p p C`.
        width: Width of the decoder's tokens, a multiple of 4.
        depth: Number of blocks, may be 0.
        heads: Number of attention heads.

    Inputs: `tokens` `[B, 1 + n, D]`, class token first; `restore` int `[B, L]`, see
    `split_patches`, which is not looked at where n = L. Output: `[B, L, outputs]`.

    Reference: He et al., Masked Autoencoders (CVPR 2022).
    """

    def __init__(
        self,
        grid: tuple[int, int],
        outputs: int,
        width: int = 512,
        depth: int = 8,
        heads: int = 16,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if depth < 0 or heads < 1 or width % heads or width % 4:
            raise ValueError(
                "The decoder needs a depth of at least 0, and a width that is a multiple of 4 and "
                f"of its heads. Received: depth={depth}, width={width}, heads={heads}"
            )
        self.grid, self.outputs = (grid[0], grid[1]), outputs
        self.width, self.depth, self.heads = width, depth, heads
        dtype = self.dtype_policy
        self.embed = keras.layers.Dense(width, name="embed", dtype=dtype)
        self.blocks = [
            TransformerBlock(heads, name=f"blocks_{i}", dtype=dtype) for i in range(depth)
        ]
        self.norm = keras.layers.LayerNormalization(epsilon=EPSILON, name="norm", dtype=dtype)
        self.pixels = keras.layers.Dense(outputs, name="pixels", dtype=dtype)

    def build(self, input_shape: Shape) -> None:
        self._hidden = self.grid[0] * self.grid[1] + 1 - input_shape[1]
        if self._hidden:
            self.mask_token = self.add_weight(
                (1, 1, self.width), name="mask_token",
                initializer=keras.initializers.RandomNormal(stddev=0.02),
            )  # fmt: skip
        self._positions = sincos_positions(self.grid, self.width).astype("float32")
        self.embed.build(input_shape)
        shape = (input_shape[0], 1 + self.grid[0] * self.grid[1], self.width)
        for layer in (*self.blocks, self.norm, self.pixels):
            layer.build(shape)

    def call(self, tokens: Tensor, restore: Tensor) -> Tensor:
        x = self.embed(tokens)
        first, visible = x[:, :1], x[:, 1:]
        if self._hidden:
            fill = ops.broadcast_to(
                ops.cast(self.mask_token, x.dtype), (ops.shape(x)[0], self._hidden, self.width)
            )
            visible = take_tokens(ops.concatenate([visible, fill], axis=1), restore)
        visible = visible + ops.cast(self._positions, x.dtype)  # the class token's are zeros
        x = ops.concatenate([first, visible], axis=1)
        for block in self.blocks:
            x = block(x)
        return self.pixels(self.norm(x))[:, 1:]

    def compute_output_shape(self, input_shape: Shape, restore_shape: Shape = ()) -> Shape:
        return (input_shape[0], self.grid[0] * self.grid[1], self.outputs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "grid": self.grid,
            "outputs": self.outputs,
            "width": self.width,
            "depth": self.depth,
            "heads": self.heads,
        }
