"""Pictures of what a masked autoencoder paints."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from keras import ops

from keras_haframe.layers.patch_embedding import patchify, unpatchify
from keras_haframe.models.masked_patch_loss import patch_statistics
from keras_haframe.tree_ops.values import Tensor

if TYPE_CHECKING:
    from keras_haframe.models.mae import MAE


class Reconstruction(NamedTuple):
    """Images `[B, H, W, C]` as the model takes them, NumPy.

    Attributes:
        original: As given.
        masked: Hidden patches set to 0, the mean of normalized images.
        reconstructed: The decoder's output in every patch.
        pasted: The visible patches, and the decoder's output in the hidden ones.
        mask: `[B, L]`, 1 for hidden patches.
    """

    original: np.ndarray
    masked: np.ndarray
    reconstructed: np.ndarray
    pasted: np.ndarray
    mask: np.ndarray


def reconstruct(mae: MAE, images: Tensor, noise: Tensor | None = None) -> Reconstruction:
    """See `MAE.reconstruct`."""
    images = ops.cast(ops.convert_to_tensor(images), "float32")
    outputs = mae(images, noise=noise, training=False)
    patches = patchify(images, mae.encoder.patch_size)
    pixels = ops.cast(outputs["pixels"], "float32")
    if mae.normalize_targets:
        mean, std = patch_statistics(patches)
        pixels = pixels * std + mean
    mask = outputs["mask"][..., None]
    visible = patches * (1 - mask)
    sheets = (patches, visible, pixels, visible + pixels * mask)
    grid, size = mae.encoder.grid, mae.encoder.patch_size
    made = [ops.convert_to_numpy(unpatchify(sheet, grid, size)) for sheet in sheets]
    return Reconstruction(made[0], made[1], made[2], made[3], ops.convert_to_numpy(outputs["mask"]))
