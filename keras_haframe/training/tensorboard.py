"""What TensorBoard shows of a run: its metrics over the epochs."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Sequence
from typing import Any

import keras
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from keras_haframe.collapse.event_files import add_event
from keras_haframe.files import PathLike, clear_errors
from keras_haframe.training import distribution


class EpochScalars(keras.callbacks.Callback):
    """Metrics of every epoch as TensorBoard event files, on every backend.

    Unlike `keras.callbacks.TensorBoard` it needs no TensorFlow, and a run that was taken up again
    has each epoch exactly once: the files are written anew from the history when training starts.

    Args:
        folder: Where the runs `train` and `validation` go; what is in them is replaced.
        history: One dictionary per finished epoch, `"epoch"` from 0 and metrics by name, to which
            another callback before this one adds the epoch that ended (`Checkpoints.history`).
    """

    def __init__(self, folder: PathLike, history: Sequence[dict]) -> None:
        super().__init__()
        self.folder, self.history = pathlib.Path(folder), history
        self.writers: dict[str, EventFileWriter] = {}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if distribution.process()[0]:
            return
        with clear_errors(str(self.folder)):
            for name in ("train", "validation"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
                self.writers[name] = EventFileWriter(str(self.folder / name))
            for row in self.history:
                self._write(row)

    def write(self) -> None:
        """Write what the history holds, without a training."""
        self.on_train_begin()
        self.on_train_end()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        with clear_errors(str(self.folder)):
            self._write(self.history[-1])

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        with clear_errors(str(self.folder)):
            for writer in self.writers.values():
                writer.close()

    def _write(self, row: dict) -> None:
        for name, writer in self.writers.items():
            values = {
                key.removeprefix("val_"): value
                for key, value in row.items()
                if key != "epoch" and key.startswith("val_") == (name == "validation")
            }
            add_event(writer, row["epoch"] + 1, values)
