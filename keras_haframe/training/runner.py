"""One training run from start to result file: resumable, within a time budget, nothing lost."""

from __future__ import annotations

import pathlib
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from keras_haframe import metrics
from keras_haframe.data.positions import from_step
from keras_haframe.files import PathLike, write_text
from keras_haframe.models import HierarchicalClassifier
from keras_haframe.models.checks import check_images
from keras_haframe.results import run as files
from keras_haframe.results.table import write_csv
from keras_haframe.training import distribution
from keras_haframe.training.begin import begun
from keras_haframe.training.checkpoints import Checkpoints
from keras_haframe.training.stages import Stages, checked_stages
from keras_haframe.training.tensorboard import EpochScalars
from keras_haframe.tree_ops.checks import check_labels


def run(
    make_model: Callable[[], keras.Model],
    train: Callable[[int], Any],
    test: tuple[Any, np.ndarray],
    epochs: int,
    folder: PathLike,
    *,
    validation: Any = None,
    name: str | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    callbacks: Callable[[], list] = list,
    stages: Stages | None = None,
    max_minutes: float | None = None,
    save_every: int | str | None = None,
    steps: int | None = None,
    verbose: int | None = None,
) -> dict[str, Any] | None:
    """Train a model, keep the epoch of the best validation top-1, score the test data.

    The same call again goes on after the last finished epoch, or step with `save_every`, with
    optimizer, schedule, random states, data order, metrics and best epoch as they were, and returns
    the kept result of a finished run.

    Args:
        make_model: Makes a compiled `HierarchicalClassifier`; called after the seed is set.
        train: Number of the first epoch to train, from 0, to data for `fit` whose order follows
            from the epoch, such as `ArrayBatches(...).from_epoch`.
        test: `(inputs, labels)`, what `predict` takes and integer labels `[n]`. Where there are no
            test data, the data of `validation` itself: the kept scores and reports then say so.
        epochs: Epochs of the whole run.
        folder: The run's folder, see docs/report.md.
        validation: What `fit` takes as `validation_data`; without it the last epoch is kept.
        name: Name of the row in tables; the folder's name by default.
        seed: Seed of the run.
        settings: What defines the run; another call with other settings is refused.
        callbacks: Makes further callbacks, such as the learning-rate schedule.
        stages: `{epoch: change}`: before that epoch (from 0) `change(model)` sets what is trainable
            and compiles the model anew. `make_model` makes the first stage.
        max_minutes: Stop at the end of an epoch if the next would pass this many minutes of
            training; `None` for no limit.
        save_every: Save within epochs, too, to go on from there: a number of steps, or a time such
            as `"1min"`. `train` may have a parameter `step` and is then asked for the data of an
            epoch from that step on; see docs/training.md.
        steps: Batches of an epoch, for endless training data.
        verbose: As in `fit`; by default a progress bar on a terminal, else a line per epoch.

    Returns:
        The result: `"method"`, `"seed"`, columns of `metrics.summary` on the test data,
        `"best_epoch"` (from 1), `"parameters"`, how many the model has, and `"train_minutes"` of
        this call; `None` if the time was up first.

    Raises:
        ValueError: If `folder` holds a run with other settings, data, backend or precision, or,
            before anything is trained, if an argument is not of its kind or the test labels do not
            fit.
        BlockingIOError: If another process trains in `folder`.
        OSError: If a checkpoint cannot be written; the one before is whole.
    """
    _check_arguments(make_model, train, test)
    folder = pathlib.Path(folder)
    defining = {**(settings or {}), "epochs": epochs, "seed": seed}
    with begun(folder, defining, train=train, validation=validation, test=test) as finished:
        if finished is not None:
            return finished

        def checked_model() -> keras.Model:
            model = make_model()
            _check_test(model, *test)
            return model

        trained = train_model(
            checked_model, train, epochs, folder, validation=validation, seed=seed,
            callbacks=callbacks, stages=stages, max_minutes=max_minutes, save_every=save_every,
            steps=steps, verbose=verbose,
        )  # fmt: skip
        if trained is None:
            return None
        model, checkpoints, clock = trained
        if distribution.process()[1] > 1:  # each by itself: a global prediction cannot be read
            with distribution.alone():
                model = make_model()
                best = checkpoints.load_best(model)
                scores = model.predict(test[0], verbose=0)
        else:
            best = checkpoints.load_best(model)
            scores = model.predict(test[0], verbose=0)
        result = {
            "method": name or folder.name,
            "seed": seed,
            **metrics.summary(test[1], scores, model.tree, ordering=True),
            "best_epoch": best + 1,
            "parameters": model.count_params(),
            "train_minutes": round(clock.minutes(), 2),
        }
        if distribution.is_first():
            model.tree.to_json(folder / files.TREE)
            seen = validation[0] if isinstance(validation, tuple) else validation
            same = validation is test or seen is test[0]
            files.write_scores(folder, scores, test[1], "validation" if same else "test")
            files.write_result(folder, result)
        distribution.agree(True)  # nobody reads the files before they are there
        return result


def train_model(
    make_model: Callable[[], keras.Model],
    train: Callable[[int], Any],
    epochs: int,
    folder: pathlib.Path,
    *,
    validation: Any = None,
    seed: int = 0,
    callbacks: Callable[[], list] = list,
    stages: Stages | None = None,
    max_minutes: float | None = None,
    save_every: int | str | None = None,
    steps: int | None = None,
    verbose: int | None = None,
) -> tuple[keras.Model, Checkpoints, Clock] | None:
    """Train as `run` does, from the last checkpoint: any compiled model, labels or not.

    The arguments are those of `run`.

    Returns:
        The model after the last epoch, its checkpoints and its clock; `None` if the time was up.
    """
    if verbose is None:
        verbose = 1 if sys.stdout.isatty() else 2
    keras.utils.set_random_seed(seed)
    model = make_model()
    monitor = "val_top1" if validation is not None else None
    checkpoints = Checkpoints(folder / files.CHECKPOINTS, monitor, save_every)
    stages = checked_stages(stages)
    start = checkpoints.restore(model, stages)
    if start or checkpoints.step:
        at = f", step {checkpoints.step} of the next" if checkpoints.step else ""
        print(f"{folder}: going on after epoch {start} of {epochs}{at}", flush=True)
    clock = Clock(epochs, max_minutes, folder / files.SECONDS)
    history = _History(checkpoints, folder / files.HISTORY)
    curves = EpochScalars(folder / files.TENSORBOARD, checkpoints.history)
    history.write()  # the process may have died between a checkpoint and this
    if start >= epochs:  # likewise what `fit` does at its end
        curves.write()
        model.optimizer.finalize_variable_values(model.trainable_weights)
    try:
        while start < epochs:
            begin, unfinished = checkpoints.begin, checkpoints.step > 0
            whole_stage = not unfinished and (start in stages or not start)
            if start in stages and whole_stage:
                stages[start](model)
            piece = _Piece(unfinished, None if whole_stage else model)
            clock.already = checkpoints.seconds
            end = min([epochs, *(epoch for epoch in stages if epoch > start)])
            model.fit(
                from_step(train, start, begin),
                validation_data=validation,
                initial_epoch=start,
                epochs=end,
                steps_per_epoch=steps and steps - begin,
                callbacks=[*callbacks(), checkpoints, history, curves, clock, piece],
                shuffle=False,  # the data does it; Keras would draw from a global state
                verbose=verbose,
            )
            if piece.stopped:  # the time was up, or a callback's wish
                break
            start = start + 1 if unfinished else end
            if start < epochs:
                checkpoints.put_back(model)
    finally:
        checkpoints.wait()
    distribution.agree(True)  # nobody reads the checkpoints before they are there
    if len(checkpoints.history) < epochs:
        print(
            f"{folder}: time is up after epoch {len(checkpoints.history)} of {epochs}; the same "
            "command goes on from there",
            flush=True,
        )
        return None
    return model, checkpoints, clock


def load_trained(
    make_model: Callable[[], keras.Model],
    folder: PathLike,
    stages: Stages | None = None,
) -> keras.Model:
    """Return the model of a run: made anew, with the weights of the epoch that was kept.

    Args:
        make_model: As of the run.
        folder: The run's folder.
        stages: As of the run.
    """
    model = make_model()
    checkpoints = Checkpoints(pathlib.Path(folder) / files.CHECKPOINTS, None)
    checkpoints.restore(model, checked_stages(stages), only_read=True)
    best = (files.read_result(folder) or {}).get("best_epoch")  # what is told of a finished run
    if best is not None:
        checkpoints.best_epoch = best - 1
    checkpoints.load_best(model)
    return model


def _check_arguments(make_model: Any, train: Any, test: Any) -> None:
    if isinstance(make_model, keras.Model) or not callable(make_model):
        raise ValueError(
            "`make_model` must be a function that makes the compiled model, because a run that is "
            "taken up makes it anew: lambda: keras_haframe.build(make_backbone(), tree). "
            f"Received: {type(make_model).__name__}"
        )
    if not callable(train):
        raise ValueError(
            "`train` must be a function from the first epoch to data for `fit`, because the order "
            "follows from the epoch: ArrayBatches(images, labels, 64).from_epoch. "
            f"Received: {type(train).__name__}"
        )
    if not isinstance(test, (tuple, list)) or len(test) != 2:
        raise ValueError(f"`test` must be (inputs, labels). Received: {type(test).__name__}")


def _check_test(model: Any, inputs: Any, labels: Any) -> None:
    """Raise now for what would be found after the last epoch."""
    if not isinstance(model, HierarchicalClassifier):
        raise ValueError(
            "`make_model` must return a HierarchicalClassifier, as `build` makes it. "
            f"Received: {type(model).__name__}"
        )
    arrays = isinstance(inputs, np.ndarray)
    count = len(inputs) if arrays else None
    check_labels(labels, model.tree.num_classes, count, "the test data", least=1)
    if arrays:
        check_images(inputs, "the test data")


def check_minutes(max_minutes: float | None) -> None:
    """Raise a `ValueError` unless a time limit is positive or `None`."""
    if max_minutes is not None and not max_minutes > 0:
        raise ValueError(f"`max_minutes` must be positive. Received: max_minutes={max_minutes}")


class Clock(keras.callbacks.Callback):
    """Tell the time left before every epoch; stop where the next would pass the limit.

    Appends a line per epoch to `path`: its number from 1, the seconds of its training steps, and
    the seconds with validation. (history.csv holds only what is the same in every run.)
    """

    def __init__(
        self, epochs: int, max_minutes: float | None = None, path: PathLike | None = None
    ) -> None:
        super().__init__()
        check_minutes(max_minutes)
        self.epochs, self.max_minutes, self.path = epochs, max_minutes, path
        self.started = self.epoch_started = time.monotonic()
        self.already = 0.0  # seconds that the next epoch took before this call
        self.last: float | None = None
        self.trained: float | None = None

    def minutes(self) -> float:
        """Minutes since training started."""
        return (time.monotonic() - self.started) / 60

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.last is None:  # not a later stage
            self.started = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch_started, self.already = time.monotonic() - self.already, 0.0
        if self.last is not None:
            print(f"about {(self.epochs - epoch) * self.last / 60:.1f} min left", flush=True)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.trained = time.monotonic() - self.epoch_started

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.last = time.monotonic() - self.epoch_started
        if self.path is not None and distribution.is_first():
            path = pathlib.Path(self.path)
            before = path.read_text(encoding="utf-8") if path.is_file() else ""
            line = f"{epoch + 1},{self.trained or self.last:.3f},{self.last:.3f}\n"
            write_text(path, before + line)
        if epoch + 1 < self.epochs and self.max_minutes is not None:
            over = self.minutes() + self.last / 60 > self.max_minutes
            if distribution.agree(over):
                self.model.stop_training = True


class _History(keras.callbacks.Callback):
    """history.csv, written anew after every epoch from what the checkpoints hold."""

    def __init__(self, checkpoints: Checkpoints, path: pathlib.Path):
        super().__init__()
        self.checkpoints, self.path = checkpoints, path

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.write()

    def write(self) -> None:
        if distribution.is_first() and self.checkpoints.history:
            write_csv(self.checkpoints.history, self.path)


class _Piece(keras.callbacks.Callback):
    """One `fit` of a run; last in the list.

    Args:
        unfinished: Whether it ends after one epoch, that of which a part was done before. Schedules
            still see the number of epochs of the whole.
        model: The model if it goes on with a training whose first images it has seen: `fit` notes
            the range of the first it sees.
    """

    def __init__(self, unfinished: bool, model: keras.Model | None) -> None:
        super().__init__()
        self.unfinished, self.stopped = unfinished, False
        self.range = getattr(model, "trained_range", None)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.range is not None:
            self.model.trained_range = self.range

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.stopped = self.model.stop_training
        self.model.stop_training |= self.unfinished
