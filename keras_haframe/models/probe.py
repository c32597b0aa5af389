"""The frozen encoder of a linear probe."""

from __future__ import annotations

import keras

from keras_haframe.layers import BatchNormalization
from keras_haframe.models.vit import ViT


def probe(encoder: ViT, pooling: str = "token", name: str = "probe") -> keras.Model:
    """Freeze a copy of an encoder, and put after it a batch normalization without scale and shift.

    With `build(probe(vit), tree, "cross_entropy", network="I", hidden_units=None)` it is the linear
    probe of the papers; any other method trains its head on it just so.

    Args:
        encoder: A `ViT`, such as `mae.encoder`.
        pooling: Which features, see `ViT`.
        name: Name of the model.

    Returns:
        A `keras.Model` from images to normalized features; nothing of it is trained.

    Example:

    >>> backbone = probe(ViT((32, 32, 3), (64, 2, 4), patch_size=8))
    >>> backbone.output_shape, len(backbone.trainable_variables)
    ((None, 64), 0)

    Reference: He et al., Masked Autoencoders (CVPR 2022), linear probing.
    """
    frozen = encoder.copy(pooling=pooling, drop_path=0.0, trainable_blocks=0)
    images = keras.Input(encoder.input_shape[1:], name="images")
    norm = BatchNormalization(
        momentum=0.9, epsilon=1e-6, center=False, scale=False, name="probe_norm"
    )
    return keras.Model(images, norm(frozen(images)), name=name)
