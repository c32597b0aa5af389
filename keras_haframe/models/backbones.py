"""What a backbone must be, and its symbolic run."""

from __future__ import annotations

from typing import Any

import keras

from keras_haframe.tree_ops.values import Shape, Tensor


def run_backbone(
    backbone: keras.Layer, input_shape: Shape | None = None, feature: str | None = None
) -> tuple[Any, Tensor]:
    """Run a backbone on symbolic images.

    Args:
        backbone: Keras model or layer without a classification top.
        input_shape: Shape of one image, for backbones that do not know theirs.
        feature: Which output, for backbones that return a dictionary.

    Returns:
        `(inputs, features)`: the images, or the structure of inputs that the backbone has (images
        with metadata); features `[B, h, w, C]`, tokens `[B, n, C]` or `[B, C]`.

    Raises:
        ValueError: If it is no backbone, has a top, or does not give one such tensor.
    """
    check_backbone(backbone)
    inputs = _inputs(backbone, input_shape)
    features = backbone(inputs)
    if isinstance(features, dict) and len(features) == 1 and feature is None:
        feature = next(iter(features))
    if isinstance(features, dict) and feature in features:
        features = features[feature]
    elif isinstance(features, dict) or feature is not None:
        names = list(features) if isinstance(features, dict) else "one tensor, without a name"
        raise ValueError(
            "`feature` must name one of the outputs of `backbone`. "
            f"Received: feature={feature!r}, outputs: {names}"
        )
    if isinstance(features, (list, tuple)) or len(features.shape) not in (2, 3, 4):
        shape = features.shape if hasattr(features, "shape") else type(features).__name__
        raise ValueError(
            "`backbone` must return one tensor [batch, height, width, channels], "
            f"[batch, tokens, channels] or [batch, channels]. Received: {shape}"
        )
    return inputs, features


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


def _inputs(backbone: keras.Layer, input_shape: Shape | None) -> Any:
    known = getattr(backbone, "inputs", None)
    if input_shape is not None:
        input_shape = _image_shape(input_shape)
        own = tuple(known[0].shape[1:]) if known and len(known) == 1 else input_shape
        if own != input_shape:
            raise ValueError(
                f"`input_shape` must be left out, or be that of the backbone, {own}. "
                f"Received: input_shape={input_shape}"
            )
    if known and len(known) == 1:
        return keras.Input(known[0].shape[1:], dtype=known[0].dtype, name="images")
    if known:  # as the backbone has them: a dictionary or a list
        return keras.tree.map_structure(
            lambda x: keras.Input(x.shape[1:], dtype=x.dtype, name=x.name), backbone.input
        )
    if input_shape is None:
        raise ValueError(
            "`backbone` does not know the shape of its images. Pass `input_shape`, for example "
            "input_shape=(224, 224, 3)."
        )
    return keras.Input(input_shape, name="images")


def _image_shape(input_shape: Shape) -> Shape:
    """Return the shape of one image as a tuple of positive integers and `None`."""
    listed = isinstance(input_shape, (tuple, list)) and len(input_shape)
    if not listed or any(n is not None and not (type(n) is int and n > 0) for n in input_shape):
        raise ValueError(
            "`input_shape` must be the shape of one image, such as (224, 224, 3). "
            f"Received: input_shape={input_shape!r}"
        )
    return tuple(input_shape)


def check_one_input(model: keras.Model) -> None:
    """Raise unless a model takes images alone, as served and portable models do."""
    if len(model.inputs) != 1:
        raise ValueError(
            "Models with one input, the images, can be exported. Received inputs: "
            f"{[x.name for x in model.inputs]}"
        )
