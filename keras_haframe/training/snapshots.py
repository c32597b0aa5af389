"""The whole state of a training as arrays on the host, and the one file that holds it."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_haframe.files import PathLike, whole

Arrays = dict[str, np.ndarray]
ALL = ("weights", "states", "optimizer", "metrics")


class Damaged(ValueError):
    """A checkpoint that is not as it was written."""


def take(model: keras.Model) -> Arrays:
    """Copy a compiled model's weights, random states, optimizer and running metrics.

    Returns:
        Arrays by group and number, `"weights/0"`; nothing of them is the training's own memory.
    """
    if hasattr(model, "jax_state_sync"):  # within an epoch JAX holds them outside the model
        model.jax_state_sync()
    return {
        f"{group}/{i}": _copy(variable)
        for group, variables in _variables(model).items()
        for i, variable in enumerate(variables)
    } | _torch_random()


def put(model: keras.Model, arrays: Mapping[str, np.ndarray], groups: Sequence[str]) -> None:
    """Put groups of what `take` returned into a model of the same kind.

    Raises:
        ValueError: If the arrays are of another model.
    """
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()  # the next step then reads the variables anew
    for group, variables in _variables(model).items():
        if group not in groups:
            continue
        saved = [arrays[k] for k in arrays if k.startswith(f"{group}/")]
        if [tuple(v.shape) for v in variables] != [a.shape for a in saved]:
            raise ValueError(
                f"The checkpoint is of another model: its {group} are {len(saved)} arrays, those "
                f"of `make_model` {len(variables)}, or their shapes differ. Give the model that "
                "the run began with, or choose another folder."
            )
        for variable, value in zip(variables, saved, strict=True):
            variable.assign(value)


def random(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """Return what `put_random` needs."""
    return {name: array for name, array in arrays.items() if name.startswith("random/")}


def put_random(arrays: Mapping[str, np.ndarray]) -> None:
    """Put back the global random state of PyTorch, from which Keras's dropout draws there."""
    if "random/cpu" in arrays:
        import torch

        torch.set_rng_state(torch.from_numpy(arrays["random/cpu"]))
        if "random/cuda" in arrays:
            torch.cuda.set_rng_state(torch.from_numpy(arrays["random/cuda"]))


def _torch_random() -> Arrays:
    if keras.backend.backend() != "torch":
        return {}
    import torch

    states = {"random/cpu": torch.get_rng_state().numpy()}
    if torch.cuda.is_available():
        states["random/cuda"] = torch.cuda.get_rng_state().numpy()
    return states


def write(path: PathLike, state: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a snapshot and what else is to be known, JSON values, so that it is whole or absent."""
    with whole(path) as partial:
        np.savez(partial, state=np.array(json.dumps(dict(state))), **arrays)  # type: ignore[arg-type]


def read(path: PathLike) -> tuple[dict[str, Any], Arrays]:
    """Read what `write` wrote: state and arrays.

    Raises:
        Damaged: If a bit of it is not as it was written. The message names the file.
    """
    path = pathlib.Path(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            if file.zip.testzip() is not None:
                raise ValueError("a checksum does not fit")
            arrays = {name: file[name] for name in file.files}
        state = json.loads(str(arrays.pop("state")))
        missing = {"epochs", "step", "history", "best_epoch", "best_value"} - state.keys()
        if missing or file_name(state["epochs"], state["step"]) != path.name:
            raise ValueError("it is not the checkpoint that its name says")
    except PermissionError:
        raise
    except Exception as error:  # the readers of zip, .npy and JSON have no common one
        raise Damaged(f"The checkpoint {path} is missing or damaged ({error}).") from None
    return state, arrays


def file_name(epochs: int, step: int = 0) -> str:
    """Name of the file after so many epochs and steps of the next one."""
    return f"epoch-{epochs:04d}" + (f"-step-{step:07d}" if step else "") + ".npz"


def files(folder: pathlib.Path) -> list[pathlib.Path]:
    """Return the checkpoints of a folder, the newest first, by number and not by letters."""
    found = {}
    for path in folder.glob("epoch-*.npz"):
        if name := re.fullmatch(r"epoch-(\d+)(?:-step-(\d+))?", path.stem):
            found[int(name[1]), int(name[2] or 0)] = path
    return [found[position] for position in sorted(found, reverse=True)]


def _variables(model: keras.Model) -> dict[str, list[keras.Variable]]:
    metrics = [v for metric in model.metrics for v in metric.variables]
    known = {id(v) for v in [*model.weights, *metrics]}
    return {
        "weights": model.weights,
        # Seeds of dropout and shuffles, what the loss holds: no weights file has them.
        "states": [v for v in model.variables if id(v) not in known],
        "optimizer": model.optimizer.variables,
        "metrics": metrics,
    }


def _copy(variable: keras.Variable) -> np.ndarray:
    array = _on_host(variable)
    if array.dtype.kind not in "biuf":
        return array.astype("float32")  # of bfloat16, exact
    return array if array.flags.owndata else array.copy()  # JAX and PyTorch give their own memory


def _on_host(variable: keras.Variable) -> np.ndarray:
    """Return a variable as an array; a split one from this process's devices, which have all."""
    value = variable.value
    if getattr(value, "is_fully_addressable", True) or value.is_fully_replicated:
        return keras.ops.convert_to_numpy(variable)
    array = np.empty(value.shape, value.dtype)
    for shard in value.addressable_shards:
        array[shard.index] = shard.data
    return array
