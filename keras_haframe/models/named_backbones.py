"""Backbones by their names: those of `keras.applications`, and `small_cnn`."""

from __future__ import annotations

import difflib
import inspect
import pathlib
import warnings
from collections.abc import Callable

import keras

from keras_haframe.hdf5_files import check_hdf5
from keras_haframe.models.small_cnn import small_cnn

SMALL = "small_cnn"


def make_backbone(name: str, size: tuple[int, int], weights: str = "imagenet") -> keras.Model:
    """Make a backbone without its classification top.

    Args:
        name: A network of `keras.applications`, such as `"mobilenet_v2"`, `"resnet50"` or
            `"efficientnet_b0"` (capital letters and `_` do not count), or `"small_cnn"`, which has
            no pretrained weights.
        size: `(height, width)` of the images.
        weights: `"imagenet"` (downloaded once by Keras), `"none"`, or a file of weights of the
            network without its top.

    Returns:
        A `keras.Model` from images `[B, height, width, 3]` to `[B, h, w, C]`.

    Raises:
        ValueError: For an unknown name, weights that are not to be had or do not fit, and images
            too small for the network.

    Example:

    ```python
    backbone = make_backbone("mobilenet_v2", (224, 224))
    preprocessing = keras_haframe.data.Preprocessing.for_backbone(backbone)
    ```
    """
    shape = (*size, 3)
    if _plain(name) == _plain(SMALL):
        if weights == "imagenet":
            raise ValueError("small_cnn has no pretrained weights. Give weights none, or a file.")
        net = small_cnn(shape)
    else:
        net = _application(name, shape, weights == "imagenet")
    if weights not in ("imagenet", "none"):
        _load(net, pathlib.Path(weights))
    return net


def _application(name: str, shape: tuple[int, ...], pretrained: bool) -> keras.Model:
    known = _applications()
    if _plain(name) not in known:
        near = difflib.get_close_matches(_plain(name), known, 3)
        hint = f"near: {', '.join(near)}" if near else "for example mobilenet_v2"
        raise ValueError(
            "`backbone` must be a network of keras.applications, or small_cnn. "
            f"Received: {name!r}; {hint}"
        )
    weights = "imagenet" if pretrained else None
    try:
        return known[_plain(name)](include_top=False, weights=weights, input_shape=shape)
    except Exception as error:  # what Keras raises for a failed download has no type of its own
        if isinstance(error, ValueError) or "URL fetch failure" not in str(error):
            raise
        raise ValueError(
            f"The ImageNet weights of {name} could not be downloaded ({error}). Give a file of "
            "weights, or weights none to train from scratch."
        ) from None


def _applications() -> dict[str, Callable[..., keras.Model]]:
    """Networks of `keras.applications` by their plain names."""
    found: dict[str, Callable[..., keras.Model]] = {}
    for name, make in vars(keras.applications).items():
        if inspect.isfunction(make) and "include_top" in inspect.signature(make).parameters:
            found[_plain(name)] = make
    return found


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _load(net: keras.Model, path: pathlib.Path) -> None:
    if not path.is_file():
        raise ValueError(f"`weights` must be imagenet, none, or a file. No such file: {path}")
    check_hdf5(path)
    try:
        with warnings.catch_warnings():  # of layers that would keep their random start
            warnings.filterwarnings("error", "Skipping")
            net.load_weights(path)
    except (ValueError, OSError, KeyError, UserWarning) as error:
        first = str(error).strip().split("\n")[0]
        raise ValueError(f"The weights in {path} do not fit {net.name}: {first}") from None
