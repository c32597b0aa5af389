"""Images as patches, and patches as tokens with their place in the image."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_haframe.tree_ops.values import Shape, Tensor

POSITIONS = ("sincos", "learned", None)


def patchify(images: Tensor, patch_size: int) -> Tensor:
    """Cut images into square patches, row by row.

    Args:
        images: `[B, H, W, C]`; H and W are multiples of the patch size.
        patch_size: Side p of a patch, pixels.

    Returns:
        `[B, L, p p C]`, L patches in the order of reading; inside a patch row, column, channel.

    Example:

    >>> patches = patchify(np.arange(16.0).reshape(1, 4, 4, 1), 2)
    >>> keras.ops.convert_to_numpy(patches)[0, 1].tolist()
    [2.0, 3.0, 6.0, 7.0]
    """
    images = ops.convert_to_tensor(images)
    _, height, width, channels = images.shape
    rows, columns, p = height // patch_size, width // patch_size, patch_size
    images = ops.reshape(images, (-1, rows, p, columns, p, channels))
    images = ops.transpose(images, (0, 1, 3, 2, 4, 5))
    return ops.reshape(images, (-1, rows * columns, p * p * channels))


def unpatchify(patches: Tensor, grid: tuple[int, int], patch_size: int) -> Tensor:
    """Put patches together to images, the inverse of `patchify`.

    Args:
        patches: `[B, L, p p C]`.
        grid: Rows and columns of patches.
        patch_size: Side p of a patch, pixels.

    Returns:
        Images `[B, H, W, C]`.
    """
    patches = ops.convert_to_tensor(patches)
    (rows, columns), p = grid, patch_size
    channels = patches.shape[-1] // (p * p)
    patches = ops.reshape(patches, (-1, rows, columns, p, p, channels))
    patches = ops.transpose(patches, (0, 1, 3, 2, 4, 5))
    return ops.reshape(patches, (-1, rows * p, columns * p, channels))


def sincos_positions(grid: tuple[int, int], width: int) -> np.ndarray:
    """Sines and cosines of the place of every patch: fixed positions.

    With `omega_j = 10000^(-j / (D/4))`, j below D/4: sin and cos of `column omega`, then sin and
    cos of `row omega`.

    Args:
        grid: Rows and columns of patches.
        width: Width D of a token, a multiple of 4.

    Returns:
        float64 `[rows columns, D]`, patches in the order of reading.

    Raises:
        ValueError: If `width` is not a multiple of 4.

    Example:

    >>> sincos_positions((1, 2), 4).round(3)
    array([[0.   , 1.   , 0.   , 1.   ],
           [0.841, 0.54 , 0.   , 1.   ]])

    Reference: He et al., Masked Autoencoders (CVPR 2022), released code.
    """
    if width % 4:
        raise ValueError(
            f"Sine-cosine positions need a `width` that is a multiple of 4. Received: {width}"
        )
    omega = 10000.0 ** (-np.arange(width // 4) / (width / 4))
    row, column = np.divmod(np.arange(grid[0] * grid[1]), grid[1])
    angles = [place[:, None] * omega for place in (column, row)]
    return np.concatenate([f(a) for a in angles for f in (np.sin, np.cos)], axis=1)


@keras.saving.register_keras_serializable(package="keras_haframe")
class PatchEmbedding(keras.layers.Layer):
    """Patches through one linear layer, plus their positions.

    The same as a convolution of the patch's size and stride.

    Args:
        width: Width D of a token.
        patch_size: Side of a patch, pixels.
        positions: `"sincos"` (fixed, see `sincos_positions`), `"learned"` or `None`.

    Input shape: Images `[B, H, W, C]`. Output shape: `[B, L, D]`.

    Raises:
        ValueError: If the images are not divisible into patches, or for unknown `positions`.

    Example:

    >>> tuple(PatchEmbedding(8, 4)(keras.ops.ones((2, 8, 12, 3))).shape)
    (2, 6, 8)
    """

    def __init__(
        self, width: int, patch_size: int, positions: str | None = "sincos", **kwargs: Any
    ):
        super().__init__(**kwargs)
        if positions not in POSITIONS:
            raise ValueError(f"`positions` must be one of {POSITIONS}. Received: {positions!r}")
        self.width, self.patch_size, self.positions = width, patch_size, positions
        self.table: keras.Variable | None = None

    def build(self, input_shape: Shape) -> None:
        self.grid = patch_grid(input_shape[1:3], self.patch_size)
        inputs = self.patch_size**2 * input_shape[-1]
        self.kernel = self.add_weight(
            (inputs, self.width), name="kernel", initializer="glorot_uniform"
        )
        self.bias = self.add_weight((self.width,), name="bias", initializer="zeros")
        if self.positions is None:
            return
        learned = self.positions == "learned"
        table = None if learned else sincos_positions(self.grid, self.width)

        def fixed(shape: Shape, dtype: Any = None) -> Tensor:
            return ops.convert_to_tensor(table, dtype)

        self.table = self.add_weight(
            (self.grid[0] * self.grid[1], self.width), name="positions", trainable=learned,
            initializer=keras.initializers.TruncatedNormal(stddev=0.02) if learned else fixed,
        )  # fmt: skip

    def call(self, images: Tensor) -> Tensor:
        tokens = ops.matmul(patchify(images, self.patch_size), self.kernel) + self.bias
        return tokens if self.table is None else tokens + self.table

    def place(self) -> Tensor:
        """Positions `[L, D]`, or zero where there are none."""
        return 0.0 if self.table is None else ops.cast(self.table, self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        rows, columns = patch_grid(input_shape[1:3], self.patch_size)
        return (input_shape[0], rows * columns, self.width)

    def get_config(self) -> dict[str, Any]:
        own = {"width": self.width, "patch_size": self.patch_size, "positions": self.positions}
        return {**super().get_config(), **own}


def patch_grid(size: Shape, patch_size: int) -> tuple[int, int]:
    """Rows and columns of patches in an image of `(height, width)`.

    Raises:
        ValueError: If the image is not divisible into patches.
    """
    if patch_size < 1 or None in size or any(s % patch_size or s < 1 for s in size):
        raise ValueError(
            "Height and width of the images must be multiples of `patch_size`; resize them, or "
            f"choose another. Received: images of {tuple(size)}, patch_size={patch_size}"
        )
    return size[0] // patch_size, size[1] // patch_size
