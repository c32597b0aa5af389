"""How the served model prepares images: as training did, or it is told."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

from keras_haframe.data.augmentation import Augmentation
from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.data.value_range import ValueRange, disagreement, range_made
from keras_haframe.models import HierarchicalClassifier
from keras_haframe.models.preparation import is_image_model
from keras_haframe.saving import trial


def complete(given: Preprocessing | Callable | None, model: HierarchicalClassifier) -> Any:
    """Return the preparation with the model's image size filled in, and the shape of what it makes.

    Args:
        given: What `export` was given; by default the model's own, else a plain `Preprocessing`.
        model: The model.

    Returns:
        `(preparation, (H, W, C))`; `(None, None)` for a model whose input is no image.

    Raises:
        ValueError: If it makes other images than the model takes, or, where it was not given, other
            values than `fit` saw. (Where it was given, a warning.)
    """
    if not is_image_model(model):
        return None, None
    preparation: Any = model.preprocessing or Preprocessing() if given is None else given
    own = isinstance(preparation, Preprocessing)
    if not own and not callable(preparation):
        raise ValueError(
            "`preprocessing` must be a Preprocessing or a function of one image. "
            f"Received: {type(preparation).__name__}"
        )
    *size, channels = model.inputs[0].shape[1:]
    made = tuple((own and preparation.size) or size)
    if None in made:
        raise ValueError(
            f"The model takes images of any size {tuple(size)}; say to which size encoded images "
            "are resized: preprocessing=Preprocessing(size=(height, width))."
        )
    if any(s not in (None, p) for s, p in zip(size, made)):
        raise ValueError(
            f"`preprocessing` makes images of size {made}; the model takes {tuple(size)}."
        )
    shape = (*made, channels)
    if own:
        preparation = dataclasses.replace(preparation, size=made)
    trial.check(preparation, shape)
    _check_same(model, preparation, given is not None, shape)
    return preparation, shape


def _check_same(
    model: HierarchicalClassifier, preparation: Callable, given: bool, shape: tuple[int, int, int]
) -> None:
    """Compare what is served with the model's own preparation and with what `fit` saw."""
    height, width, channels = shape
    own = model.preprocessing
    if given and own is not None and _served(own, shape) != _served(preparation, shape):
        warnings.warn(
            "`preprocessing` is not that of the model, by which its training images were "
            f"prepared. Received: {preparation}; model.preprocessing={own}. Leave it out to serve "
            "the model's own.",
            stacklevel=4,
        )
    seen = model.trained_range
    made = range_made(preparation, channels, (2 * height, 2 * width)) if seen else None
    if seen is None or made is None or not (found := disagreement(seen, made)):
        return
    text = (
        f"`fit` saw images with {found[1]} in the served model. Say how the training images were "
        "prepared: `export(model, directory, preprocessing=keras_haframe.data.Preprocessing("
        f"{_mend(seen)}))`, or better `build(..., preprocessing=...)` and train on what it makes."
    )
    if found[0] and not given:
        raise ValueError(text)
    warnings.warn(text, stacklevel=4)


def _served(preparation: Any, shape: tuple[int, int, int]) -> Any:
    """Return a preparation as the served model uses it: at its size, nothing random."""
    if not isinstance(preparation, Preprocessing):
        return preparation
    size = preparation.size or (shape[0], shape[1])
    return dataclasses.replace(preparation, size=size, augmentation=Augmentation())


def _mend(seen: ValueRange) -> str:
    """Return the arguments that fit the values seen best."""
    if seen.least >= 0:
        return f"input_range=(0, {1 if seen.most <= 1.5 else 255})"
    if -1.5 <= seen.least and seen.most <= 1.5:
        return "input_range=(-1, 1)"
    return "input_range=(0, 1), mean=..., std=..."
