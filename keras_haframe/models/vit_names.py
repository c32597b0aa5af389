"""The names that published states give to the weights of a vision transformer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import keras
import numpy as np

if TYPE_CHECKING:
    from keras_haframe.layers.transformer_block import TransformerBlock
    from keras_haframe.models.mae import MAE
    from keras_haframe.models.vit import ViT

# Family: what its names begin with, and the beginnings of what is no part of the network.
FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "timm": ("", ("head.",)),
    "mae": ("", ("decoder_", "mask_token", "head.")),
    "dino": ("", ("head.",)),
    "moco_v3": ("module.base_encoder.", ("head.",)),
    "beit": ("", ("head.", "lm_head.", "mask_token")),
}
SHARED = "rel_pos_bias.relative_position_bias_table"
TABLE = "attn.relative_position_bias_table"
Place = tuple[str, keras.Variable, str]  # name, weight, how it is turned


def vit_places(vit: ViT) -> Iterator[Place]:
    """Name, weight and turn of everything in a `ViT`.

    The turn is `"linear"` (`[out, in]` in the file), `"patches"` (a convolution there) or
    `"plain"`.
    """
    yield "cls_token", vit.class_token.token, "plain"
    if vit.patches.table is not None:
        yield "pos_embed", vit.patches.table, "plain"
    yield "patch_embed.proj.weight", vit.patches.kernel, "patches"
    yield "patch_embed.proj.bias", vit.patches.bias, "plain"
    for i, block in enumerate(vit.blocks):
        yield from _block_places(f"blocks.{i}.", block)
    yield from _norm_places("fc_norm" if vit.pooling == "average" else "norm", vit.norm)


def decoder_places(mae: MAE) -> Iterator[Place]:
    """Name, weight and turn of everything in the decoder of a `MAE`."""
    decoder = mae.decoder
    yield "mask_token", decoder.mask_token, "plain"
    yield from _linear_places("decoder_embed", decoder.embed)
    for i, block in enumerate(decoder.blocks):
        yield from _block_places(f"decoder_blocks.{i}.", block)
    yield from _norm_places("decoder_norm", decoder.norm)
    yield from _linear_places("decoder_pred", decoder.pixels)


def _block_places(prefix: str, block: TransformerBlock) -> Iterator[Place]:
    yield from _norm_places(f"{prefix}norm1", block.norm1)
    yield from _linear_places(f"{prefix}attn.qkv", block.attention.qkv)
    if block.attention.table is not None:
        yield f"{prefix}{TABLE}", block.attention.table, "plain"
    yield from _linear_places(f"{prefix}attn.proj", block.attention.proj)
    yield from _norm_places(f"{prefix}norm2", block.norm2)
    yield from _linear_places(f"{prefix}mlp.fc1", block.fc1)
    yield from _linear_places(f"{prefix}mlp.fc2", block.fc2)
    for i, scale in enumerate(block.scales, start=1):
        yield f"{prefix}gamma_{i}", scale, "plain"


def _norm_places(name: str, norm: keras.layers.LayerNormalization) -> Iterator[Place]:
    yield f"{name}.weight", norm.gamma, "plain"
    yield f"{name}.bias", norm.beta, "plain"


def _linear_places(name: str, dense: keras.layers.Dense) -> Iterator[Place]:
    yield f"{name}.weight", dense.kernel, "linear"
    yield f"{name}.bias", dense.bias, "plain"


def as_timm(arrays: dict, spelled: dict, depth: int) -> None:
    """BEiT's spellings, in place: biases of queries and values alone, one table for all blocks."""
    for i in range(depth):
        q, v = (f"blocks.{i}.attn.{letter}_bias" for letter in "qv")
        if q in arrays and v in arrays:
            name = f"blocks.{i}.attn.qkv.bias"  # one of keys would cancel in the softmax
            arrays[name] = np.concatenate([arrays[q], np.zeros_like(arrays[q]), arrays.pop(v)])
            del arrays[q]
            spelled[name] = [*spelled[q], *spelled[v]]
        if SHARED in arrays:
            arrays[f"blocks.{i}.{TABLE}"] = arrays[SHARED]
            spelled[f"blocks.{i}.{TABLE}"] = spelled[SHARED]


def optional_names(vit: ViT, arrays: dict) -> set[str]:
    """Name the last norm, where the file has that of another pooling."""
    wanted, other = ("fc_norm", "norm") if vit.pooling == "average" else ("norm", "fc_norm")
    if f"{other}.weight" not in arrays:
        return set()
    return {f"{wanted}.weight", f"{wanted}.bias"}
