"""The arrays of a published state, turned for `ViT` and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_haframe.models.resize_positions import resize_positions
from keras_haframe.models.torch_state import read_torch_state
from keras_haframe.models.vit_names import Place

if TYPE_CHECKING:
    from keras_haframe.models.vit import ViT


def read_state(state: Any) -> tuple[dict[str, np.ndarray], str]:
    """Return arrays by name, of a file or as given, and what to call them in an error."""
    if isinstance(state, Mapping):
        return dict(state), "the state"
    return read_torch_state(state), str(state)


def assign(places: list[Place], arrays: Mapping, source: str, model: str, optional: set) -> list:
    """Assign everything or nothing; return the names that are missing and may be."""
    missing = [name for name, _, _ in places if name not in arrays]
    needed = [name for name in missing if name not in optional]
    if needed:
        raise ValueError(
            f"{source} has no {needed[0]!r} ({len(needed)} of {len(places)} names of {model!r} are "
            f"missing). It begins with {next(iter(arrays), 'nothing')!r}: is it of this family and "
            "`prefix`, and has the network its options (positions, layer scale, pooling)?"
        )
    turned = []
    for name, variable, how in places:
        if name in missing:
            continue
        value = np.asarray(arrays[name])
        if how == "linear" and value.ndim == 2:
            value = value.T
        elif how == "patches" and value.ndim == 4:
            value = value.transpose(2, 3, 1, 0).reshape(-1, value.shape[0])
        if tuple(value.shape) != tuple(variable.shape):
            raise ValueError(
                f"{name!r} of {source} has shape {np.shape(arrays[name])}, which becomes "
                f"{tuple(value.shape)}; {model!r} needs {tuple(variable.shape)}. Is it of another "
                "size, patch or image?"
            )
        turned.append((variable, value))
    for variable, value in turned:
        variable.assign(value)
    return missing


def turn_back(variable: keras.Variable, how: str, vit: ViT) -> np.ndarray:
    """Return a weight as it stands in a state file."""
    value = keras.ops.convert_to_numpy(variable)
    if how == "linear":
        return value.T
    if how == "patches":
        side, channels = vit.patch_size, vit.input_shape[-1]
        return value.reshape(side, side, channels, -1).transpose(3, 2, 0, 1)
    return value


def with_class(positions: np.ndarray) -> np.ndarray:
    """Positions `[1, 1 + L, D]` with zeros first: our class token has its position in it."""
    return np.pad(positions, ((1, 0), (0, 0)))[None]


def split_positions(arrays: dict, vit: ViT, grid: Any, source: str) -> None:
    """Give the class token its position, and resize the others to the network's grid, in place."""
    positions = np.asarray(arrays["pos_embed"], "float32")[0]
    if vit.patches.table is None:
        return
    arrays["cls_token"] = np.asarray(arrays["cls_token"], "float32") + positions[0]
    count = len(positions) - 1
    if grid is None:
        side = round(count**0.5)
        grid = vit.grid if count == vit.grid[0] * vit.grid[1] else (side, side)
    if grid[0] * grid[1] != count:
        raise ValueError(
            f"'pos_embed' of {source} has {count} positions beside the class token's. Pass their "
            f"`grid` (rows, columns). Received: grid={grid}"
        )
    arrays["pos_embed"] = resize_positions(positions[1:], grid, vit.grid)
