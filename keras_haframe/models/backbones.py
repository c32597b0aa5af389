"""What a backbone must be, and its symbolic run."""

from __future__ import annotations

from typing import Any

import keras

from keras_haframe.tree_ops.values import Shape, Tensor


def run_backbone(
    backbone: keras.Layer, input_shape: Shape | None = None
) -> tuple[keras.KerasTensor, Tensor]:
    """Run a backbone on symbolic images.

    Args:
        backbone: Keras model or layer without a classification top.
        input_shape: Shape of one image, for backbones that do not know theirs.

    Returns:
        `(images, features)`, the features `[B, h, w, C]` or `[B, C]`.

    Raises:
        ValueError: If it is no backbone, has a top, or does not give one such tensor.
    """
    check_backbone(backbone)
    images = _inputs(backbone, input_shape)
    features = backbone(images)
    if isinstance(features, (dict, list, tuple)) or len(features.shape) not in (2, 4):
        shape = features.shape if hasattr(features, "shape") else type(features).__name__
        raise ValueError(
            "`backbone` must return one tensor [batch, height, width, channels] or "
            f"[batch, channels]. Received: {shape}"
        )
    return images, features


def check_backbone(backbone: Any) -> None:
    """Raise unless `backbone` is a Keras model or layer without a classification top."""
    if not isinstance(backbone, keras.layers.Layer):
        raise ValueError(
            "`backbone` must be a Keras model or layer, for example "
            "keras.applications.MobileNetV2(include_top=False, input_shape=(224, 224, 3)). "
            f"Received: {type(backbone).__name__}"
        )
    last = backbone.layers[-1] if getattr(backbone, "layers", None) else backbone
    activation = getattr(last, "activation", None)
    softmax = activation is keras.activations.softmax or isinstance(last, keras.layers.Softmax)
    if softmax or last.name in ("predictions", "classifier", "logits"):
        raise ValueError(
            f"`backbone` {backbone.name!r} ends in a classification top (layer {last.name!r}). "
            "Make it without: `include_top=False` in keras.applications."
        )


def _inputs(backbone: keras.Layer, input_shape: Shape | None) -> keras.KerasTensor:
    known = getattr(backbone, "inputs", None)
    if known:
        if len(known) != 1:
            raise ValueError(
                f"`backbone` must have one input. Received a backbone with {len(known)} inputs."
            )
        return keras.Input(known[0].shape[1:], dtype=known[0].dtype, name="images")
    if input_shape is None:
        raise ValueError(
            "`backbone` does not know the shape of its images. Pass `input_shape`, for example "
            "input_shape=(224, 224, 3)."
        )
    return keras.Input(tuple(input_shape), name="images")
