"""One training run from start to result file: resumable, within a time budget, nothing lost."""

from __future__ import annotations

import json
import os
import pathlib
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from keras_haframe import metrics
from keras_haframe.training import distribution
from keras_haframe.training.checkpoints import Checkpoints
from keras_haframe.training.settings import keep, write
from keras_haframe.training.table import write_csv
from keras_haframe.training.tensorboard import EpochScalars


def run(
    make_model: Callable[[], keras.Model],
    train: Any,
    validation: tuple,
    test: tuple,
    epochs: int,
    folder,
    seed: int = 0,
    settings: Mapping | None = None,
    callbacks: Callable[[], list] = list,
    max_minutes: float | None = None,
    steps: int | None = None,
    verbose: int | None = None,
) -> dict | None:
    """Train a model, keep the epoch of the best validation top-1, score the test data.

    The same call again goes on after the last finished epoch, with optimizer, schedule, random
    states, data order and best epoch as they were, and returns the kept result of a finished run.

    Args:
        make_model: Makes a compiled `HierarchicalClassifier`; called after the seed is set.
        train: An `ArrayBatches`, whose `epoch` is set to the first epoch to train, or a function
            from that epoch to data for `fit`, such as `data.batches.training_batches`.
        validation: `(inputs, labels)`, arrays, or batches of both and `None`.
        test: `(inputs, labels)`, what `predict` takes and integer labels `[n]`.
        epochs: Epochs of the whole run.
        folder: Where everything is kept: settings.json, checkpoints/, history.csv, seconds.csv,
            tensorboard/, scores.npz and result.json.
        seed: Seed of the run.
        settings: Facts that define the run; another call with other facts is refused.
        callbacks: Makes further callbacks, such as the learning-rate schedule.
        max_minutes: Stop at the end of an epoch if the next would pass this many minutes of
            training; `None` for no limit.
        steps: Batches of an epoch, for endless training data.
        verbose: As in `fit`; by default a progress bar on a terminal, else a line per epoch.

    Returns:
        The result: columns of `metrics.summary` on the test data, `"seed"`, `"best_epoch"` (from 1)
        and `"train_minutes"` of this call; `None` if the time was up first.

    Raises:
        ValueError: If `folder` holds a run with other settings.
        OSError: If a checkpoint cannot be written; the one before is whole.
    """
    folder = pathlib.Path(folder)
    if distribution.process()[0] == 0:
        keep(folder / "settings.json", {**(settings or {}), "epochs": epochs, "seed": seed})
    if (folder / "result.json").exists():
        return json.loads((folder / "result.json").read_text(encoding="utf-8"))
    if verbose is None:
        verbose = 1 if sys.stdout.isatty() else 2
    keras.utils.set_random_seed(seed)
    model = make_model()
    checkpoints = Checkpoints(folder / "checkpoints")
    first = checkpoints.restore(model)
    if first:
        print(f"{folder}: going on after epoch {first} of {epochs}", flush=True)
    if callable(train):
        train = train(first)
    else:
        train.epoch = first
    clock = Clock(epochs, max_minutes, folder / "seconds.csv")
    history = _History(checkpoints, folder / "history.csv")
    curves = EpochScalars(folder / "tensorboard", checkpoints.history)
    if first < epochs:
        model.fit(
            train,
            validation_data=validation if validation[1] is not None else validation[0],
            initial_epoch=first,
            epochs=epochs,
            steps_per_epoch=steps,
            callbacks=[*callbacks(), checkpoints, history, curves, clock],
            shuffle=False,  # the data does it, from the epoch; Keras would draw from a global state
            verbose=verbose,
        )
    if len(checkpoints.history) < epochs:
        print(
            f"{folder}: time is up after epoch {len(checkpoints.history)} of {epochs}; the same "
            "command goes on from there",
            flush=True,
        )
        return None
    if distribution.process()[1] > 1:  # each by itself: a global prediction cannot be read
        with distribution.alone():
            model = make_model()
            best = checkpoints.load_best(model)
            scores = model.predict(test[0], verbose=0)
    else:
        best = checkpoints.load_best(model)
        scores = model.predict(test[0], verbose=0)
    result = {
        **metrics.summary(test[1], scores, model.tree),
        "seed": seed,
        "best_epoch": best + 1,
        "train_minutes": round(clock.minutes(), 2),
    }
    if distribution.process()[0] == 0:
        partial = folder / "scores.partial.npz"
        np.savez_compressed(partial, scores=scores, labels=np.asarray(test[1]))
        os.replace(partial, folder / "scores.npz")
        write(folder / "result.json", json.dumps(result, indent=1) + "\n")
    distribution.agree(True)  # nobody reads the files before they are there
    return result


class Clock(keras.callbacks.Callback):
    """Tell the time left before every epoch; stop where the next would pass the limit.

    Appends a line per epoch to `path`: its number from 1, the seconds of its training steps, and
    the seconds with validation. (history.csv holds only what is the same in every run.)
    """

    def __init__(self, epochs: int, max_minutes: float | None = None, path=None):
        super().__init__()
        if max_minutes is not None and not max_minutes > 0:
            raise ValueError(f"`max_minutes` must be positive. Received: {max_minutes}")
        self.epochs, self.max_minutes, self.path = epochs, max_minutes, path
        self.started = self.epoch_started = time.monotonic()
        self.last = self.trained = None

    def minutes(self) -> float:
        """Minutes since training started."""
        return (time.monotonic() - self.started) / 60

    def on_train_begin(self, logs=None):
        self.started = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch_started = time.monotonic()
        if self.last is not None:
            print(f"about {(self.epochs - epoch) * self.last / 60:.1f} min left", flush=True)

    def on_test_begin(self, logs=None):
        self.trained = time.monotonic() - self.epoch_started

    def on_epoch_end(self, epoch, logs=None):
        self.last = time.monotonic() - self.epoch_started
        if self.path is not None and distribution.process()[0] == 0:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(f"{epoch + 1},{self.trained or self.last:.3f},{self.last:.3f}\n")
        if epoch + 1 < self.epochs and self.max_minutes is not None:
            over = self.minutes() + self.last / 60 > self.max_minutes
            if distribution.agree(over):
                self.model.stop_training = True


class _History(keras.callbacks.Callback):
    """history.csv, written anew after every epoch from what the checkpoints hold."""

    def __init__(self, checkpoints: Checkpoints, path: pathlib.Path):
        super().__init__()
        self.checkpoints, self.path = checkpoints, path

    def on_epoch_end(self, epoch, logs=None):
        if distribution.process()[0] == 0:
            write_csv(self.checkpoints.history, self.path)
