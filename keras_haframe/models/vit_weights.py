"""Published weights of vision transformers, in timm's names, into `ViT` and out of it."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_haframe.files import whole
from keras_haframe.layers.patch_embedding import sincos_positions
from keras_haframe.models.resize_positions import resize_positions
from keras_haframe.models.torch_state import read_torch_state
from keras_haframe.models.vit_names import (
    FAMILIES,
    Place,
    as_timm,
    decoder_places,
    optional_names,
    vit_places,
)

if TYPE_CHECKING:
    from keras_haframe.models.mae import MAE
    from keras_haframe.models.vit import ViT


@dataclasses.dataclass
class LoadReport:
    """Names of a state file: those that were used, those that were not, those it lacks."""

    used: list[str]
    unused: list[str]
    missing: list[str]

    def __str__(self) -> str:
        lines = [f"{len(self.used)} used"]
        for word, names in (("unused", self.unused), ("missing", self.missing)):
            lines.append(f"{len(names)} {word}{': ' * bool(names)}{', '.join(names)}")
        return "; ".join(lines)


def load_vit_weights(
    vit: ViT,
    state: str | os.PathLike | Mapping[str, np.ndarray],
    family: str = "timm",
    prefix: str | None = None,
    grid: tuple[int, int] | None = None,
) -> LoadReport:
    """Load a published state into a `ViT` of the same size.

    Nothing is assigned unless everything fits. Positions of another grid are resized (bicubic, as
    PyTorch does). A file without the last norm that the network's pooling wants (a pre-trained one
    has `norm`, `pooling="average"` wants `fc_norm`) leaves it as it is: it is fine-tuned anew.

    Args:
        vit: The network. DINO's has `positions="learned"`; BEiT's `positions=None`,
            `relative_positions=True` and `layer_scale=0.1`; MAE's and MoCo v3's positions are fixed
            and read from the file.
        state: Path of a `.npz` or `.safetensors` file (see `read_torch_state`), or arrays by name.
        family: `"timm"` (fine-tuned MAE, too), `"mae"`, `"dino"`, `"moco_v3"` or `"beit"`.
        prefix: What the names of the network begin with; the family's own by default.
        grid: Rows and columns of the state's positions; a square by default.

    Returns:
        A `LoadReport` of the file's names.

    Raises:
        ValueError: For an unknown family, an array that is missing or of another shape.

    Example:

    ```python
    vit = keras_haframe.models.ViT(size="B", pooling="average", drop_path=0.1)
    print(load_vit_weights(vit, "mae_pretrain_vit_base.safetensors", "mae"))
    ```
    """
    if family not in FAMILIES:
        raise ValueError(f"`family` must be one of {tuple(FAMILIES)}. Received: {family!r}")
    given, source = _read(state)
    own, tops = FAMILIES[family]
    prefix = own if prefix is None else prefix
    arrays = {n.removeprefix(prefix): a for n, a in given.items() if n.startswith(prefix)}
    arrays = {name: array for name, array in arrays.items() if not name.startswith(tops)}
    spelled = {name: [prefix + name] for name in arrays}  # our name: the file's names
    as_timm(arrays, spelled, vit.depth)
    if "pos_embed" in arrays:
        _split_positions(arrays, vit, grid, source)
    missing = _assign(list(vit_places(vit)), arrays, source, vit.name, optional_names(vit, arrays))
    names = {name for name, _, _ in vit_places(vit)}
    used = sorted({s for name in names & set(arrays) for s in spelled[name]})
    return LoadReport(used, sorted(set(given) - set(used)), missing)


def vit_state(vit: ViT) -> dict[str, np.ndarray]:
    """The weights of a `ViT` in timm's names and shapes."""
    state = {name: _turn_back(variable, how, vit) for name, variable, how in vit_places(vit)}
    if vit.patches.table is not None:
        state["pos_embed"] = _with_class(state["pos_embed"])
    return state


def mae_state(mae: MAE) -> dict[str, np.ndarray]:
    """The weights of a `MAE`, decoder and all, in the published names and shapes."""
    state = vit_state(mae.encoder)
    state |= {name: _turn_back(v, how, mae.encoder) for name, v, how in decoder_places(mae)}
    positions = sincos_positions(mae.encoder.grid, mae.decoder.width).astype("float32")
    return {**state, "decoder_pos_embed": _with_class(positions)}


def save_vit_weights(vit: ViT, path: str | os.PathLike) -> None:
    """Write the weights of a `ViT` as a `.npz` or `.safetensors` file with timm's names.

    Raises:
        ValueError: For another kind of file.
    """
    path = pathlib.Path(path)
    state: dict[str, Any] = vit_state(vit)
    if path.suffix not in (".npz", ".safetensors"):
        raise ValueError(f"`path` must end in .npz or .safetensors. Received: {path}")
    with whole(path) as partial:
        if path.suffix == ".npz":
            np.savez(partial, **state)
        else:
            from safetensors.numpy import save_file

            save_file({n: np.ascontiguousarray(a) for n, a in state.items()}, partial)


def load_mae_weights(mae: MAE, state: str | os.PathLike | Mapping[str, np.ndarray]) -> LoadReport:
    """Load a whole published masked autoencoder, decoder and all, into a `MAE`.

    Args:
        mae: The `MAE`, of the same sizes.
        state: As of `load_vit_weights`.

    Returns:
        A `LoadReport`.
    """
    given, source = _read(state)
    decoder = list(decoder_places(mae))
    _assign(decoder, given, source, mae.name, set())
    report = load_vit_weights(mae.encoder, given, "mae")
    used = sorted({*report.used, *(name for name, _, _ in decoder)})
    return LoadReport(used, sorted(set(given) - set(used)), report.missing)


def _read(state: Any) -> tuple[dict[str, np.ndarray], str]:
    if isinstance(state, Mapping):
        return dict(state), "the state"
    return read_torch_state(state), str(state)


def _assign(places: list[Place], arrays: Mapping, source: str, model: str, optional: set) -> list:
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


def _turn_back(variable: keras.Variable, how: str, vit: ViT) -> np.ndarray:
    value = keras.ops.convert_to_numpy(variable)
    if how == "linear":
        return value.T
    if how == "patches":
        side, channels = vit.patch_size, vit.input_shape[-1]
        return value.reshape(side, side, channels, -1).transpose(3, 2, 0, 1)
    return value


def _with_class(positions: np.ndarray) -> np.ndarray:
    """Positions `[1, 1 + L, D]` with zeros first: our class token has its position in it."""
    return np.pad(positions, ((1, 0), (0, 0)))[None]


def _split_positions(arrays: dict, vit: ViT, grid: Any, source: str) -> None:
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
