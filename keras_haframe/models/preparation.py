"""One preparation of images for training and serving: what disagrees is told."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_haframe.data.backbone_range import published_scaling
from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.data.value_range import ValueRange, disagreement, range_made

if TYPE_CHECKING:
    from keras_haframe.models.classifier import HierarchicalClassifier


def is_image_model(model: keras.Model) -> bool:
    """Whether the model takes images `[H, W, 1 or 3]`."""
    shape = model.inputs[0].shape
    return (
        len(shape) == 4
        and shape[-1] in (1, 3)
        and keras.config.image_data_format() != "channels_first"
    )


def as_preprocessing(
    preprocessing: Preprocessing | dict | None, input_shape: tuple
) -> Preprocessing | None:
    """Return the network's `Preprocessing`, from its configuration if need be, after a check.

    Args:
        preprocessing: As given to `build`, or as a configuration holds it.
        input_shape: `(B, H, W, C)` of the model's input.

    Raises:
        ValueError: For anything else, or another size than the model takes.
    """
    if isinstance(preprocessing, dict):
        try:
            preprocessing = Preprocessing.from_config(preprocessing)
        except TypeError as error:
            raise ValueError(
                "`preprocessing` must be a Preprocessing, or its configuration. "
                f"Received: {preprocessing!r} ({error})"
            ) from None
    if preprocessing is None:
        return None
    if not isinstance(preprocessing, Preprocessing):
        raise ValueError(
            "`preprocessing` must be a keras_haframe.data.Preprocessing, which a saved model can "
            f"hold. Received: {type(preprocessing).__name__}. Give a function of your own to "
            "`export(model, directory, preprocessing=...)`."
        )
    size = preprocessing.size
    if size and any(s not in (None, p) for s, p in zip(input_shape[1:3], size)):
        raise ValueError(
            f"`preprocessing` makes images of size {tuple(size)}; the model takes "
            f"{tuple(input_shape[1:3])}. Give both the same size."
        )
    return preprocessing


def check_seen(model: HierarchicalClassifier, images: Any) -> ValueRange | None:
    """Compare the images given to `fit` with the model's preparation and with its backbone.

    Args:
        model: The model.
        images: NumPy array, some of the inputs.

    Returns:
        Their values, for `model.trained_range`; `None` where the input is no image.

    Raises:
        ValueError: If they cannot come from `model.preprocessing`.
    """
    if not is_image_model(model) or not isinstance(images, np.ndarray):
        return None
    seen = ValueRange.of(images)
    if seen is None:
        return None
    channels = model.inputs[0].shape[-1]
    if model.preprocessing is not None:
        made = range_made(model.preprocessing, channels)
        found = disagreement(seen, made) if made else None
        if found and found[0]:
            raise ValueError(
                f"The images given to `fit` were not prepared by the model's `preprocessing`: "
                f"{found[1]}. Prepare them by it, `images = model.preprocessing(images)` with "
                "values from 0 to 255, or give `build` the preprocessing that made them."
            )
        if found:
            warnings.warn(
                f"Were these images prepared by `preprocessing`? {found[1]}.", stacklevel=4
            )
    scaling = published_scaling(model.backbone)
    if scaling is not None and channels == 3:
        wanted = range_made(Preprocessing(**scaling))
        found = disagreement(seen, wanted) if wanted else None
        if found and found[0]:
            warnings.warn(
                f"Pretrained weights of {model.backbone.name!r} want other images than `fit` got: "
                f"{found[1]} there. `Preprocessing.for_backbone(backbone)` prepares them so.",
                stacklevel=4,
            )
    return seen
