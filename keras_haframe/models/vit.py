"""Vision transformers: MAE's encoder, and the same network with other positions and scales."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_haframe.layers.class_token import ClassToken
from keras_haframe.layers.patch_embedding import PatchEmbedding, patch_grid
from keras_haframe.layers.transformer_block import EPSILON, TransformerBlock
from keras_haframe.models.vit_weights import load_vit_weights, vit_state
from keras_haframe.tree_ops.values import Tensor

# Width, blocks, heads.
SIZES = {
    "Ti": (192, 12, 3),
    "S": (384, 12, 6),
    "B": (768, 12, 12),
    "L": (1024, 24, 16),
    "H": (1280, 32, 16),
}
POOLINGS = ("token", "average", None)


@keras.saving.register_keras_serializable(package="keras_haframe")
class ViT(keras.Model):
    """A vision transformer without a top; a functional `keras.Model`.

    Args:
        input_shape: `(height, width, channels)` of an image, floats, normalized; channels last in
            any image data format.
        size: `"Ti"`, `"S"`, `"B"`, `"L"` or `"H"`, or `(width, blocks, heads)`.
        patch_size: Side of a patch, pixels; 14 for `"H"` and 16 otherwise by default.
        pooling: `"token"`, the normalized class token `[B, D]`; `"average"`, the normalized mean of
            the patch tokens `[B, D]`, as MAE is fine-tuned; or `None`, the normalized patch tokens
            as a map `[B, rows, columns, D]`.
        positions: `"sincos"` (fixed), `"learned"` or `None`.
        drop_path: Probability with which an example skips a branch of the last block in training;
            it rises linearly from 0 at the first.
        layer_scale: Start of BEiT's scales of the branches; `None` for none.
        relative_positions: Whether every block has BEiT's relative position bias.
        trainable_blocks: Train only so many of the last blocks, and the norm after them; 0 trains
            nothing (the probe), `None` all.
        name: Name of the model.

    Attributes:
        grid, patch_size, width, depth: Rows and columns of patches, side of a patch, width of
            tokens, number of blocks.

    Raises:
        ValueError: For an image that is not divisible into patches, and options out of range.

    Example:

    >>> ViT((32, 32, 3), (64, 4, 4), patch_size=4).output_shape
    (None, 64)
    >>> ViT(size="B").count_params()  # positions included
    85797888

    Reference: Dosovitskiy et al., An Image is Worth 16x16 Words (ICLR 2021), with the positions and
    the start of the weights of He et al., Masked Autoencoders (CVPR 2022).
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int] = (224, 224, 3),
        size: str | tuple[int, int, int] = "B",
        patch_size: int | None = None,
        *,
        pooling: str | None = "token",
        positions: str | None = "sincos",
        drop_path: float = 0.0,
        layer_scale: float | None = None,
        relative_positions: bool = False,
        trainable_blocks: int | None = None,
        name: str | None = None,
    ):
        width, depth, heads = _size(size)
        patch_size = patch_size or (14 if size == "H" else 16)
        if pooling not in POOLINGS:
            raise ValueError(f"`pooling` must be one of {POOLINGS}. Received: {pooling!r}")
        if not 0 <= drop_path < 1:
            raise ValueError(f"`drop_path` must be in [0, 1). Received: drop_path={drop_path}")
        if trainable_blocks is not None and not 0 <= trainable_blocks <= depth:
            raise ValueError(
                f"`trainable_blocks` must be None or from 0 to the number of blocks, {depth}. "
                f"Received: trainable_blocks={trainable_blocks}"
            )
        height, image_width, channels = input_shape
        grid = patch_grid((height, image_width), patch_size)
        patches = PatchEmbedding(width, patch_size, positions, name="patches")
        class_token = ClassToken(name="class_token")
        rates = [float(r) for r in np.linspace(0, drop_path, depth)]
        blocks = [
            TransformerBlock(
                heads, rates[i], layer_scale, grid if relative_positions else None,
                name=f"blocks_{i}",
            )
            for i in range(depth)
        ]  # fmt: skip
        norm = keras.layers.LayerNormalization(epsilon=EPSILON, name="norm")

        images = keras.Input((height, image_width, channels), name="images")
        x = class_token(patches(images))
        for block in blocks:
            x = block(x)
        if pooling == "token":
            features = norm(x[:, 0])
        elif pooling == "average":
            features = norm(keras.ops.mean(x[:, 1:], axis=1))
        else:
            features = keras.layers.Reshape((*grid, width), name="map")(norm(x[:, 1:]))
        name = name or (f"vit_{size.lower()}_{patch_size}" if isinstance(size, str) else "vit")
        super().__init__(images, features, name=name)

        self.patches, self.class_token, self.blocks, self.norm = patches, class_token, blocks, norm
        self.grid, self.patch_size = grid, patch_size
        self.width, self.depth = width, depth
        self._recipe: dict[str, Any] = {
            "input_shape": (height, image_width, channels),
            "size": size,
            "patch_size": patch_size,
            "pooling": pooling,
            "positions": positions,
            "drop_path": drop_path,
            "layer_scale": layer_scale,
            "relative_positions": relative_positions,
            "trainable_blocks": trainable_blocks,
        }
        if trainable_blocks is not None:
            frozen: list[keras.layers.Layer] = [
                patches,
                class_token,
                *blocks[: depth - trainable_blocks],
            ]
            for layer in [*frozen, norm] if trainable_blocks == 0 else frozen:
                layer.trainable = False

    @property
    def pooling(self) -> str | None:
        return self._recipe["pooling"]

    @property
    def relative_positions(self) -> bool:
        return self._recipe["relative_positions"]

    def embed(self, images: Tensor) -> Tensor:
        """Return patch tokens with positions, `[B, L, D]`, of images `[B, H, W, C]`."""
        return self.patches(images)

    def encode(self, tokens: Tensor) -> Tensor:
        """Return class and patch tokens `[B, 1 + n, D]`, normalized, of any n of `embed`'s."""
        x = self.class_token(tokens)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def copy(self, **changes: Any) -> ViT:
        """Make a network with the same weights and other options.

        Positions are resized where the image has another size. Where `pooling` changes to or from
        `"average"` the last norm starts anew, as in the published fine-tuning: it has another task.

        Args:
            **changes: Options of `ViT`.

        Returns:
            A `ViT`.

        Example:

        ```python
        backbone = mae.encoder.copy(pooling="average", drop_path=0.1)
        model = keras_haframe.build(backbone, tree)
        ```
        """
        made = ViT(**{**self._recipe, "name": self.name, **changes})
        load_vit_weights(made, vit_state(self), grid=self.grid)
        return made

    def get_config(self) -> dict[str, Any]:
        return {**self._recipe, "name": self.name}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> ViT:
        size = config["size"]
        return cls(**{**config, "size": size if isinstance(size, str) else tuple(size)})


def _size(size: str | tuple[int, int, int]) -> tuple[int, int, int]:
    numbers = SIZES.get(size) if isinstance(size, str) else tuple(size)
    if numbers is None or len(numbers) != 3 or any(n < 1 for n in numbers):
        raise ValueError(
            f"`size` must be one of {tuple(SIZES)} or (width, blocks, heads). Received: {size!r}"
        )
    return numbers
