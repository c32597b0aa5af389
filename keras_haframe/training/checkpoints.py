"""Checkpoints from which a killed run goes on exactly where it was, to the epoch or to the step."""

from __future__ import annotations

import math
import os
import pathlib
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import keras

from keras_haframe.data.value_range import ValueRange
from keras_haframe.files import PathLike
from keras_haframe.training import distribution, old_checkpoints, snapshots
from keras_haframe.training.intervals import steps_or_seconds
from keras_haframe.training.snapshots import Damaged
from keras_haframe.training.stages import Stages


class Checkpoints(keras.callbacks.Callback):
    """Save weights, optimizer, random states, history and best epoch after every epoch.

    A checkpoint is one file, `epoch-0007.npz` or, within the next epoch, `epoch-0007-step-0000250
    .npz`, written by a thread of its own while training goes on, under a temporary name, with
    checksums. The last two are kept, and that of the best epoch. Order and augmentation of the data
    must follow from the epoch number (see `data.ArrayBatches`); everything else is here. Of several
    processes the first writes and all read, so the folder must be one that all see.

    Args:
        folder: Where the checkpoints go.
        monitor: Quantity of which a strictly larger value is better; `None` takes the last epoch
            for the best.
        save_every: Save within epochs, too: a number of steps, or a time such as `"1min"`. A save
            that is due while the one before is still being written waits for it.

    Attributes:
        step: Steps done of the epoch that `restore` found unfinished.
        begin: Where the data of that epoch must begin, see `data.positions.from_step`: the last
            step before `step` is taken once more, so that all that a first step makes is there when
            its outcome is put in its place.

    Example:

    ```python
    checkpoints = Checkpoints("runs/a")
    first = checkpoints.restore(model)  # 0, or where an earlier run stopped
    model.fit(..., initial_epoch=first, callbacks=[..., checkpoints])  # last in the list
    checkpoints.load_best(model)
    ```
    """

    def __init__(
        self,
        folder: PathLike,
        monitor: str | None = "val_top1",
        save_every: int | str | None = None,
    ) -> None:
        super().__init__()
        self.folder, self.monitor = pathlib.Path(folder), monitor
        self.every_steps, self.every_seconds = steps_or_seconds(save_every)
        self.history: list[dict] = []
        self.best_epoch: int | None = None
        self.best_value = -math.inf
        self.epochs = self.step = self.begin = 0
        self.seconds = 0.0  # that the unfinished epoch had taken
        self._unfinished: snapshots.Arrays | None = None
        self._random: snapshots.Arrays = {}  # at the end of the last epoch
        self._kept: list[set[pathlib.Path]] = []  # the last two checkpoints, each with its best
        self._thread = ThreadPoolExecutor(1)
        self._writing: Future | None = None
        self._started = self._saved = time.monotonic()
        self._saved_step = 0

    # Before training ---------------------------------------------------------------------------

    def restore(
        self, model: keras.Model, stages: Stages | None = None, *, only_read: bool = False
    ) -> int:
        """Put the newest whole checkpoint into a compiled model.

        One that is damaged, or whose best epoch is, gets another name, `aside-...`.

        Args:
            model: The model.
            stages: As of `run`: the model is brought into that of the checkpoint.
            only_read: Leave all files as they are, and the best epoch's to `load_best`.

        Returns:
            The number of epochs done, 0 without a checkpoint.
        """
        if distribution.is_first() and not only_read:
            for left in self.folder.glob(".epoch-*.partial.npz"):  # of a process that was killed
                left.unlink()
        for path in snapshots.files(self.folder):
            try:
                state, arrays = snapshots.read(path)
                if not only_read:
                    self._check_best(state["best_epoch"], path)
            except Damaged as error:
                print(f"{error} {path.name} is passed over.", flush=True)
                if distribution.is_first() and not only_read:
                    path.replace(path.with_name(f"aside-{path.name}"))
                continue
            self._take_up(model, stages, state)
            snapshots.put(model, arrays, ("weights", "states", "optimizer"))
            self._kept, self._random = [self._needed(path, state)], snapshots.random(arrays)
            if self.step:
                self._unfinished = arrays
                self.begin = max(0, self.step - model.steps_per_execution)
            return self.epochs
        if (old := old_checkpoints.newest(self.folder)) is not None:
            self._take_up(model, stages, old[1])
            old_checkpoints.put(model, *old)
        return self.epochs

    def _take_up(self, model: keras.Model, stages: Stages | None, state: dict[str, Any]) -> None:
        self.epochs, self.step = state["epochs"], state.get("step", 0)
        for epoch, change in (stages or {}).items():
            if (epoch, 0) < (self.epochs, self.step):
                change(model)
        model.optimizer.build(model.trainable_variables)
        if state.get("trained_range"):
            model.trained_range = ValueRange(*state["trained_range"])
        self.history, self.seconds = state["history"], state.get("seconds", 0.0)
        self.best_epoch, self.best_value = state["best_epoch"], state["best_value"]

    def _check_best(self, epoch: int | None, path: pathlib.Path) -> None:
        """Raise if the best epoch's file is lost, without which a checkpoint is of no use."""
        if epoch is None or self._best_path(epoch) == path:
            return
        if not old_checkpoints.best_path(self.folder, epoch).exists():
            snapshots.read(self._best_path(epoch))

    def put_back(self, model: keras.Model) -> None:
        """Put in the state after the last epoch: `fit` may have ended with averaged weights."""
        self.wait()
        distribution.agree(True)  # nobody reads before the file is there
        _, arrays = snapshots.read(self.folder / snapshots.file_name(self.epochs))
        snapshots.put(model, arrays, ("weights", "states", "optimizer"))

    # In training -------------------------------------------------------------------------------

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epochs = epoch
        self._started, self.seconds = time.monotonic() - self.seconds, 0.0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Save between two steps; the first save of a run taken up is replaced by the one it had.

        The beginning of a step and not its end, for which Keras on JAX would wait.
        """
        done = self.begin + batch
        if self._writing is not None and self._writing.done():
            self.wait()  # tells of a full disk now
        if not done:  # what has drawn since the last epoch differs between runs
            snapshots.put_random(self._random)
        if self._unfinished is not None and batch:
            if done != self.step:
                raise ValueError(
                    f"The checkpoint is of step {self.step}, and this run has steps {batch} at a "
                    "time. Compile the model with the `steps_per_execution` it had."
                )
            snapshots.put(self.model, self._unfinished, snapshots.ALL)
            snapshots.put_random(self._unfinished)
            self._unfinished, self._saved_step, self._saved = None, done, time.monotonic()
        elif self._unfinished is None and self._due(done):
            self._save(done)

    def _due(self, done: int) -> bool:
        steps, seconds = done - self._saved_step, time.monotonic() - self._saved
        due = steps >= self.every_steps or seconds >= self.every_seconds
        return due and steps > 0 and self._writing is None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = {k: float(v) for k, v in (logs or {}).items()}
        if self.monitor is not None and self.monitor not in logs:
            raise ValueError(
                f"Checkpoints monitors {self.monitor!r}, which was not measured. Received: "
                f"{sorted(logs)}. Give `fit` validation data, or choose another `monitor`."
            )
        if self._unfinished is not None:
            raise ValueError(
                f"The checkpoint is of step {self.step} of epoch {epoch + 1}, whose data now end "
                "before. Give the data that the run began with."
            )
        self.history.append({"epoch": epoch, **logs})
        value = float(epoch) if self.monitor is None else logs[self.monitor]
        if value > self.best_value:
            self.best_epoch, self.best_value = epoch, value
        self.epochs = epoch + 1
        self.step = self.begin = 0
        self._save(0)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.wait()

    def _save(self, step: int) -> None:
        self.wait()
        self._saved, self._saved_step = time.monotonic(), step
        if distribution.is_first():
            state = {
                "epochs": self.epochs,
                "step": step,
                "seconds": self._saved - self._started if step else 0.0,
                "best_epoch": self.best_epoch,
                "best_value": self.best_value,
                "history": list(self.history),
                "trained_range": getattr(self.model, "trained_range", None),
            }
            arrays = snapshots.take(self.model)
            self._random = snapshots.random(arrays)
            self._writing = self._thread.submit(self._write, state, arrays)

    def wait(self) -> None:
        """Return when what was saved is on the disk.

        Raises:
            OSError: If it could not be written. What was saved before is whole.
        """
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    # In the thread -----------------------------------------------------------------------------

    def _write(self, state: dict[str, Any], arrays: snapshots.Arrays) -> None:
        epochs, step = state["epochs"], state["step"]
        path = self.folder / snapshots.file_name(epochs, step)
        try:
            snapshots.write(path, state, arrays)
        except OSError as error:
            which = f"step {step} of epoch {epochs + 1}" if step else f"epoch {epochs}"
            why = os.strerror(error.errno) if error.errno else error
            raise OSError(
                error.errno,
                f"The checkpoint of {which} could not be written to {self.folder} ({why}). Epochs "
                f"up to {epochs if step else epochs - 1} are safe: free some space and run the "
                "same command again",
            ) from error
        self._kept = [*self._kept, self._needed(path, state)][-2:]
        needed = set().union(*self._kept)
        for other in snapshots.files(self.folder):
            if other not in needed:
                other.unlink()

    def _needed(self, path: pathlib.Path, state: dict[str, Any]) -> set[pathlib.Path]:
        best = state["best_epoch"]
        return {path} if best is None else {path, self._best_path(best)}

    def _best_path(self, epoch: int) -> pathlib.Path:
        return self.folder / snapshots.file_name(epoch + 1)

    # After training ----------------------------------------------------------------------------

    def load_best(self, model: keras.Model) -> int:
        """Put the weights of the best epoch into a model; return that epoch, counted from 0.

        Raises:
            ValueError: If no epoch was finished, or the file is damaged.
        """
        self.wait()
        if self.best_epoch is None:
            raise ValueError(f"No epoch was finished in {self.folder}.")
        path = self._best_path(self.best_epoch)
        old = old_checkpoints.best_path(self.folder, self.best_epoch)
        if old.exists() and not path.exists():
            old_checkpoints.put_best(model, old)
            return self.best_epoch
        try:
            snapshots.put(model, snapshots.read(path)[1], ("weights",))
        except Damaged as error:
            raise Damaged(
                f"{error} It holds the best epoch: train the run again, in another folder."
            ) from None
        return self.best_epoch
