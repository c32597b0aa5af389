"""Checkpoints per epoch from which a killed run goes on exactly where its last epoch ended."""

from __future__ import annotations

import json
import math
import os
import pathlib
import shutil
import warnings
import zlib
from typing import Any

import keras
import numpy as np

from keras_haframe.data.value_range import ValueRange
from keras_haframe.files import PathLike, WeightsInMemory
from keras_haframe.training import distribution
from keras_haframe.training.stages import Stages

STATE, WEIGHTS = "state.json", "model.weights.h5"


class Checkpoints(keras.callbacks.Callback):
    """Save weights, optimizer, random states, history and the best epoch after every epoch.

    An epoch's checkpoint is a folder `epoch-0007`, written under a temporary name and renamed, so a
    crash leaves the one before; the last two are kept, and a damaged one is passed over. The
    weights of the best epoch so far lie in `best-0005.weights.h5`. Data order and augmentation must
    follow from the epoch number (see `data.ArrayBatches`); everything else is here. Of
    several processes the first writes and all read, so the folder must be one that all see.

    Args:
        folder: Where the checkpoints go.
        monitor: Quantity of which a strictly larger value is better; `None` takes the last epoch
            for the best.

    Example:

    ```python
    checkpoints = Checkpoints("runs/a")
    first = checkpoints.restore(model)  # 0, or where an earlier run stopped
    model.fit(..., initial_epoch=first, callbacks=[..., checkpoints])  # last in the list
    checkpoints.load_best(model)
    ```
    """

    def __init__(self, folder: PathLike, monitor: str | None = "val_top1") -> None:
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.monitor = monitor
        self.history: list[dict] = []
        self.best_epoch: int | None = None
        self.best_value = -math.inf

    # Before training ---------------------------------------------------------------------------

    def restore(self, model: keras.Model, stages: Stages | None = None) -> int:
        """Put the newest whole checkpoint into a compiled model.

        Args:
            model: The model.
            stages: As of `run`: the model is brought into that of the checkpoint.

        Returns:
            The number of epochs done, 0 without a checkpoint.
        """
        for path in sorted(self.folder.glob("epoch-????"), reverse=True):
            state = _whole(path)
            if state is None:
                print(f"checkpoint {path} is damaged; trying the one before")
                continue
            for epoch, change in (stages or {}).items():
                if epoch < state["epochs"]:
                    change(model)
            model.optimizer.build(model.trainable_variables)
            model.load_weights(path / WEIGHTS)
            for variable, value in zip(_random_states(model), state["random"], strict=True):
                variable.assign(np.array(value, variable.dtype))
            if state.get("trained_range"):  # not in checkpoints from before
                model.trained_range = ValueRange(*state["trained_range"])
            self.history = state["history"]
            self.best_epoch, self.best_value = state["best_epoch"], state["best_value"]
            return state["epochs"]
        return 0

    # In training -------------------------------------------------------------------------------

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = {k: float(v) for k, v in (logs or {}).items()}
        if self.monitor is not None and self.monitor not in logs:
            raise ValueError(
                f"Checkpoints monitors {self.monitor!r}, which was not measured. Received: "
                f"{sorted(logs)}. Give `fit` validation data, or choose another `monitor`."
            )
        self.history.append({"epoch": epoch, **logs})
        value = float(epoch) if self.monitor is None else logs[self.monitor]
        if value > self.best_value:
            self.best_epoch, self.best_value = epoch, value
        if distribution.is_first():
            with distribution.alone():  # Keras makes variables when it saves
                self._write(epoch)
        distribution.agree(True)  # nobody goes on before the files are there

    def _write(self, epoch: int) -> None:
        target = self.folder / f"epoch-{epoch + 1:04d}"
        partial = self.folder / "partial"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir(parents=True)
            if self.best_epoch == epoch:
                self._write_best(epoch)
            (partial / WEIGHTS).write_bytes(in_memory(self.model))
            state = {
                "epochs": epoch + 1,
                "best_epoch": self.best_epoch,
                "best_value": self.best_value,
                "random": [np.asarray(v).tolist() for v in _random_states(self.model)],
                "history": self.history,
                "trained_range": getattr(self.model, "trained_range", None),
                "checksum": _checksum(partial / WEIGHTS),
            }
            (partial / STATE).write_text(json.dumps(state), encoding="utf-8")
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise OSError(
                error.errno,
                f"The checkpoint of epoch {epoch + 1} could not be written to {self.folder} "
                f"({error.strerror or error}). Epochs up to {epoch} are safe: free some space and "
                "run the same command again",
            ) from error
        shutil.rmtree(target, ignore_errors=True)
        os.replace(partial, target)
        self._tidy()

    def _write_best(self, epoch: int) -> None:
        partial = self.folder / "partial" / "best.weights.h5"
        partial.write_bytes(in_memory(self.model))
        os.replace(partial, self._best_path(epoch))

    def _best_path(self, epoch: int) -> pathlib.Path:
        return self.folder / f"best-{epoch + 1:04d}.weights.h5"

    def _tidy(self) -> None:
        """Remove what no kept checkpoint needs."""
        epochs = sorted(self.folder.glob("epoch-????"))
        for path in epochs[:-2]:
            shutil.rmtree(path)
        states = [state for state in map(_whole, epochs[-2:]) if state]
        needed = {self._best_path(state["best_epoch"]) for state in states}
        for path in self.folder.glob("best-????.weights.h5"):
            if path not in needed:
                path.unlink()

    # After training ----------------------------------------------------------------------------

    def load_best(self, model: keras.Model) -> int:
        """Put the weights of the best epoch into a model; return that epoch, counted from 0."""
        if self.best_epoch is None:
            raise ValueError(f"No epoch was finished in {self.folder}.")
        with warnings.catch_warnings():  # of an earlier stage's optimizer
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            model.load_weights(self._best_path(self.best_epoch))
        return self.best_epoch


def _whole(path: pathlib.Path) -> dict | None:
    """State of a checkpoint, or `None` if anything of it is missing or damaged."""
    try:
        state = json.loads((path / STATE).read_text(encoding="utf-8"))
        return state if state["checksum"] == _checksum(path / WEIGHTS) else None
    except (OSError, ValueError, KeyError):
        return None


def _checksum(path: pathlib.Path) -> int:
    value = 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            value = zlib.crc32(block, value)
    return value


def in_memory(model: keras.Model) -> memoryview:
    """Content of a weights file; HDF5 must not write to a disk that may be full."""
    content = WeightsInMemory()
    model.save_weights(content)
    return content.getbuffer()


def _random_states(model: keras.Model) -> list:
    """Variables of the model's random generators (dropout, shuffles), which no weights file has."""
    weights = {id(v) for v in model.weights}
    return [v for v in model.variables if id(v) not in weights and "seed_generator" in v.path]
