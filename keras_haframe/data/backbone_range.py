"""The images that the pretrained networks of `keras.applications` were trained on."""

from __future__ import annotations

from typing import Any

import keras

# `(low, high)`, mean, std, BGR, by how the network's name starts; see `preprocess_input` there.
_SIGNED: dict[str, Any] = {"input_range": (-1.0, 1.0)}
_CAFFE: dict[str, Any] = {"mean": (103.939, 116.779, 123.68), "bgr": True}
_TORCH: dict[str, Any] = {
    "input_range": (0.0, 1.0), "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225),
}  # fmt: skip
_PUBLISHED = {
    "mobilenet_": _SIGNED, "mobilenetv2_": _SIGNED, "xception": _SIGNED, "inception_": _SIGNED,
    "nasnet": _SIGNED, "resnet50v2": _SIGNED, "resnet101v2": _SIGNED, "resnet152v2": _SIGNED,
    "resnet50": _CAFFE, "resnet101": _CAFFE, "resnet152": _CAFFE, "vgg16": _CAFFE,
    "vgg19": _CAFFE, "densenet": _TORCH,
}  # fmt: skip
_SCALES_ITSELF = ("efficientnet", "convnext", "mobilenetv3")
# A layer by which a network of another library with the same name is told from Keras's.
_HAS_LAYER = {"resnet": "conv1_conv", "vgg": "block1_conv1"}


def published_scaling(backbone: keras.Layer) -> dict[str, Any] | None:
    """Return the options of `Preprocessing` that scale images as a network's weights want them.

    Args:
        backbone: A model of `keras.applications`, known by its name.

    Returns:
        `{}` for values from 0 to 255; `None` for a network that is not known.

    Source: `preprocess_input` of each network in Keras 3.15.
    """
    name, layers = backbone.name.lower(), getattr(backbone, "layers", [])
    if name.startswith(_SCALES_ITSELF):
        scalers = (keras.layers.Rescaling, keras.layers.Normalization)
        if any(isinstance(layer, scalers) for layer in layers[:4]):
            return {}
        return _SIGNED if name.startswith("mobilenetv3") else None  # include_preprocessing=False
    for start, layer in _HAS_LAYER.items():
        if name.startswith(start) and layer not in {each.name for each in layers}:
            return None
    fits = [start for start in _PUBLISHED if name.startswith(start)]
    return _PUBLISHED[max(fits, key=len)] if fits and layers else None
