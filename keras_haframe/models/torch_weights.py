"""Puts PyTorch weights into networks whose layers are named as in PyTorch."""

from __future__ import annotations

import os
from typing import Any

import keras
import numpy as np

from keras_haframe.models.torch_state import read_torch_state

NORM = {
    "gamma": "weight", "beta": "bias", "moving_mean": "running_mean",
    "moving_variance": "running_var",
}  # fmt: skip
PLAIN = {"kernel": "weight", "bias": "bias"}


def load_torch_weights(
    model: keras.Model,
    state: str | os.PathLike | dict[str, np.ndarray],
    prefix: str = "",
    ignore: tuple[str, ...] = ("fc.",),
) -> None:
    """Load a PyTorch state into `resnet50()` or `wide_resnet()`.

    The state's `layer1.0.conv1.weight` goes to the layer `layer1_0_conv1`. Convolutions are turned
    from `[out, in, h, w]` to `[h, w, in, out]`, linear layers from `[out, in]` to `[in, out]`.
    Nothing is assigned unless everything fits.

    Args:
        model: The network.
        state: Path of a `.npz` or `.safetensors` file (see `read_torch_state`), or a dictionary of
            arrays. Files of torchvision and timm have the same names.
        prefix: What the names of the wanted entries begin with, cut off; entries without it are
            left alone. MoCo checkpoints have `"module.encoder_q."`.
        ignore: Entries that begin so (after the prefix) have no place in the network: its top.
            Counters of batches (`num_batches_tracked`) never have.

    Raises:
        ValueError: If an array is missing, left over or of another shape. The message names it.

    Example:

    ```python
    backbone = keras_haframe.models.resnet50()
    keras_haframe.models.load_torch_weights(backbone, "resnet50.safetensors")
    model = keras_haframe.build(backbone, tree)
    ```
    """
    arrays = state if isinstance(state, dict) else read_torch_state(state)
    source = "the state" if isinstance(state, dict) else str(state)
    given = {
        name.removeprefix(prefix).replace(".", "_"): (name, value)
        for name, value in arrays.items()
        if name.startswith(prefix)
        and not name.endswith("num_batches_tracked")
        and not name.removeprefix(prefix).startswith(tuple(ignore))
    }
    wanted = dict(_places(model))
    missing = [name for name in wanted if name not in given]
    if missing:
        near = next(iter(arrays), "nothing")
        raise ValueError(
            f"{source} has no entry for {len(missing)} of {len(wanted)} arrays of {model.name!r}, "
            f"for example {missing[0]!r} (written with '.' there). It begins with {near!r}; is "
            f"`prefix` right? Received: prefix={prefix!r}"
        )
    unused = [name for key, (name, _) in given.items() if key not in wanted]
    if unused:
        raise ValueError(
            f"{source} has {len(unused)} entries with no place in {model.name!r}, for example "
            f"{unused[0]!r}. Name them in `ignore` if they belong to a top. Received: "
            f"ignore={ignore!r}"
        )
    turned = {}
    for key, variable in wanted.items():
        name, value = given[key]
        if value.ndim == 4:
            value = value.transpose(2, 3, 1, 0)
        elif value.ndim == 2:
            value = value.T
        if tuple(value.shape) != tuple(variable.shape):
            raise ValueError(
                f"{name!r} of {source} has shape {arrays[name].shape}, which becomes "
                f"{tuple(value.shape)}; {variable.path!r} needs {tuple(variable.shape)}."
            )
        turned[key] = value
    for key, variable in wanted.items():
        variable.assign(turned[key])


def _places(model: keras.Model) -> Any:
    """Pairs of the state's name, with `_` for `.`, and the variable."""
    for layer in model.layers:
        names = NORM if isinstance(layer, keras.layers.BatchNormalization) else PLAIN
        for variable in layer.weights:
            yield f"{layer.name}_{names[variable.name]}", variable
