"""Published weights of vision transformers, in timm's names, into `ViT` and out of it."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_haframe.files import whole
from keras_haframe.layers.patch_embedding import sincos_positions
from keras_haframe.models.vit_arrays import (
    assign,
    read_state,
    split_positions,
    turn_back,
    with_class,
)
from keras_haframe.models.vit_names import (
    FAMILIES,
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
    given, source = read_state(state)
    own, tops = FAMILIES[family]
    prefix = own if prefix is None else prefix
    arrays = {n.removeprefix(prefix): a for n, a in given.items() if n.startswith(prefix)}
    arrays = {name: array for name, array in arrays.items() if not name.startswith(tops)}
    spelled = {name: [prefix + name] for name in arrays}  # our name: the file's names
    as_timm(arrays, spelled, vit.depth)
    if "pos_embed" in arrays:
        split_positions(arrays, vit, grid, source)
    missing = assign(list(vit_places(vit)), arrays, source, vit.name, optional_names(vit, arrays))
    names = {name for name, _, _ in vit_places(vit)}
    used = sorted({s for name in names & set(arrays) for s in spelled[name]})
    return LoadReport(used, sorted(set(given) - set(used)), missing)


def vit_state(vit: ViT) -> dict[str, np.ndarray]:
    """Return the weights of a `ViT` in timm's names and shapes."""
    state = {name: turn_back(variable, how, vit) for name, variable, how in vit_places(vit)}
    if vit.patches.table is not None:
        state["pos_embed"] = with_class(state["pos_embed"])
    return state


def mae_state(mae: MAE) -> dict[str, np.ndarray]:
    """Return the weights of a `MAE`, decoder and all, in the published names and shapes."""
    state = vit_state(mae.encoder)
    state |= {name: turn_back(v, how, mae.encoder) for name, v, how in decoder_places(mae)}
    positions = sincos_positions(mae.encoder.grid, mae.decoder.width).astype("float32")
    return {**state, "decoder_pos_embed": with_class(positions)}


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
    given, source = read_state(state)
    decoder = list(decoder_places(mae))
    assign(decoder, given, source, mae.name, set())
    report = load_vit_weights(mae.encoder, given, "mae")
    used = sorted({*report.used, *(name for name, _, _ in decoder)})
    return LoadReport(used, sorted(set(given) - set(used)), report.missing)
