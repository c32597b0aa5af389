"""An experiment: rows of a table, each a method with several seeds, under decision rules."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import itertools
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_haframe import decisions, methods, metrics
from keras_haframe.decisions.rules import check_rule
from keras_haframe.files import PathLike
from keras_haframe.models import HierarchicalClassifier
from keras_haframe.results.folder import add_results, run_folder
from keras_haframe.results.lock import locked
from keras_haframe.results.made_with import made_with
from keras_haframe.results.run import TREE, keep_settings, read_result, read_scores, read_settings
from keras_haframe.results.table import by_method, markdown
from keras_haframe.training import distribution
from keras_haframe.training.intervals import steps_or_seconds
from keras_haframe.training.runner import check_minutes, load_trained, run
from keras_haframe.training.settings import RunSettings
from keras_haframe.training.stages import Stages
from keras_haframe.tree import ClassTree

Row = tuple[str, Mapping[str, Any]]
WAIT = 60.0  # seconds, for the files that all rows share


def _no_columns(scores: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Add no columns to the results."""
    return {}


@dataclasses.dataclass
class Experiment:
    """What all rows share: data, network and budget.

    Attributes:
        tree: The class tree.
        make_model: Method, its options and `synchronized` (see `build`) to a compiled
            `HierarchicalClassifier`; called after the seed of a run is set.
        make_train: Seed to the training data of a run, as `training.run` takes them: a function of
            the first epoch.
        test: Test inputs, as `model.predict` takes them, and labels `[n]`.
        epochs: Epochs of a run.
        validation: What `fit` takes as `validation_data`; without it the last epoch is kept.
        batch_size: Batch over all devices, if it must split evenly over them.
        steps: Batches of an epoch, for endless training data.
        callbacks: Makes the callbacks of a run, such as the learning-rate schedule.
        stages: What changes at an epoch, see `run`.
        measure: Test scores `[n, K]` and labels to further columns of the results.
        settings: What defines the experiment, JSON values; runs made under others are refused.
    """

    tree: ClassTree
    make_model: Callable[[str, dict[str, Any], bool], keras.Model]
    make_train: Callable[[int], Callable[[int], Any]]
    test: tuple[Any, np.ndarray]
    epochs: int
    validation: Any = None
    batch_size: int | None = None
    steps: int | None = None
    callbacks: Callable[[], list] = list
    stages: Stages | None = None
    measure: Callable[[np.ndarray, np.ndarray], dict[str, float]] = _no_columns
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)

    def run(
        self,
        name: str,
        row: Row,
        seed: int,
        folder: PathLike,
        *,
        synchronized: bool = False,
        max_minutes: float | None = None,
        save_every: int | str | None = None,
        verbose: int | None = None,
    ) -> dict[str, Any] | None:
        """Train one row with one seed in a folder of its own, as `training.run` does.

        Args:
            name: Name of the row.
            row: The method and its options. A method that takes a seed gets that of the run.
            seed: Seed of the run.
            folder: The run's folder.
            synchronized: Whether several devices train; see `build`.
            max_minutes: As of `training.run`.
            save_every: As of `training.run`.
            verbose: As in `keras.Model.fit`.
        """
        method, options = row[0], dict(row[1])
        if "seed" in methods.find(method).defaults():  # in the papers each run has its own frame
            options.setdefault("seed", seed)
        if distribution.is_first() and read_result(folder) is None:
            print(f"\n{name}, seed {seed}", flush=True)
        return run(
            functools.partial(self.make_model, method, options, synchronized),
            self.make_train(seed), self.test, self.epochs, folder,
            validation=self.validation, name=name, seed=seed,
            settings={**self.settings, "method": method, "options": options},
            callbacks=self.callbacks, stages=self.stages, max_minutes=max_minutes,
            save_every=save_every, steps=self.steps, verbose=verbose,
        )  # fmt: skip

    def trained(self, folder: PathLike, row: str, seed: int = 0) -> keras.Model:
        """Make the model of a finished run anew, with the weights of the epoch that was kept.

        Args:
            folder: The experiment's folder, as given to `compare`.
            row: Name of the row.
            seed: Seed of the run.

        Raises:
            ValueError: If the folder holds no such run that is finished.
        """
        return self.model_of(run_folder(folder, row, seed))

    def model_of(self, path: PathLike) -> keras.Model:
        """Return the model of a finished run by the run's own folder, as `trained` does."""
        if read_result(path) is None:
            raise ValueError(f"{path} holds no finished run. Train it first, with `compare`.")
        kept = read_settings(path)
        make = functools.partial(self.make_model, kept["method"], kept["options"], False)
        return load_trained(make, path, self.stages)


def compare(
    experiment: Experiment,
    rows: Mapping[str, Row],
    seeds: Sequence[int],
    folder: str | pathlib.Path,
    *,
    rules: Sequence[str] | None = None,
    max_minutes: float | None = None,
    save_every: int | str | None = None,
    model_shards: int = 1,
    verbose: int | None = None,
) -> list[dict[str, Any]] | None:
    """Train every row with every seed, score the test data under every decision rule.

    Finished runs are kept and not repeated, an unfinished one goes on after its last epoch, so a
    comparison that was cut off goes on where it stopped. `results.csv` gets the lines of a run as
    soon as it is finished.

    Args:
        experiment: What the rows share.
        rows: Name of a row to its method and options, those of the method or, where `make_model`
            hands them to `build`, of the network. A method that takes a seed gets that of the run
            unless the options have one.
        seeds: Seeds; a run per row and seed.
        folder: The experiment's folder, see docs/report.md.
        rules: Decision rules, `""` for the highest score; by default that and all of
            `decisions.names()`.
        max_minutes: Stop at an epoch's end before this many minutes of this call, but not before
            an epoch is trained.
        save_every: Save within epochs, too, as `run` does.
        model_shards: Devices over which a network's classes are split, as of `all_devices`.
        verbose: As in `keras.Model.fit`.

    Returns:
        One dictionary per row, rule and seed: `"method"`, `"decision"`, `"seed"`, the columns of
        `metrics.summary`, `"best_epoch"`, `"parameters"` and `"train_minutes"`; also in
        `results.csv`. `None` if the time was up before all runs were done.

    Raises:
        ValueError: For an unknown method, option or rule, and if `folder` holds runs that were
            made under other settings or of other data.
        BlockingIOError: If another process trains one of the runs. (Several processes may share
            the folder for other rows or seeds.)
    """
    rules = ["", *decisions.names()] if rules is None else list(rules)
    check_minutes(max_minutes)
    steps_or_seconds(save_every)
    for rule in rules:
        check_rule(rule)
    network = inspect.signature(HierarchicalClassifier).parameters
    for method, options in rows.values():  # every mistake shows before any training
        own = {name: value for name, value in options.items() if name not in network}
        methods.get(method, experiment.tree, **own)
    folder = pathlib.Path(folder)
    made = {"data": made_with(validation=experiment.validation, test=experiment.test)["data"]}

    def begin() -> None:
        with locked(folder, wait=WAIT):
            keep_settings(folder, {**experiment.settings, "epochs": experiment.epochs}, made)
            experiment.tree.to_json(folder / TREE)

    distribution.first_alone(begin)
    results, started, trained = [], time.monotonic(), False
    with distribution.all_devices(experiment.batch_size, model_shards=model_shards) as devices:
        for seed, row in itertools.product(seeds, rows):
            path, left = run_folder(folder, row, seed), max_minutes
            if read_result(path) is None:
                if left is not None and trained:
                    left -= (time.monotonic() - started) / 60
                    if not distribution.agree(left > 0):
                        print(f"{folder}: time is up before {row}, seed {seed}", flush=True)
                        return None
                trained = True
            result = experiment.run(
                row, rows[row], seed, path,
                synchronized=devices > 1, max_minutes=left, save_every=save_every, verbose=verbose,
            )  # fmt: skip
            if result is None:
                return None
            lines = _score(experiment, path, result, rules)
            if distribution.is_first():
                with locked(folder, wait=WAIT):  # another process may train other rows
                    add_results(folder, lines)
            results += lines
    return results


def run_seeds(
    settings: RunSettings,
    experiment: Experiment,
    row: Row,
    name: str,
    *,
    rules: Sequence[str] = ("", "CRM"),
) -> list[dict[str, Any]] | None:
    """One row of a paper's table: run every seed of the settings, print the table.

    Args:
        settings: Settings of the recipe; those that define a run are kept with it.
        experiment: Data, network and budget.
        row: The method and its options.
        name: Name of the row.
        rules: Decision rules, a line of the table each.

    Returns:
        As `compare`.
    """
    seeds = range(settings.seed, settings.seed + settings.seeds)
    results = compare(
        experiment, {name: row}, seeds, settings.output, rules=rules, **settings.running()
    )
    if results is not None and distribution.is_first():
        count = len(experiment.test[1])
        print(f"\n{count} test images\n\n{markdown(by_method(results))}", flush=True)
    return results


def _score(
    experiment: Experiment, path: pathlib.Path, result: Mapping[str, Any], rules: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the result of a run under every decision rule."""
    scores, labels = read_scores(path, experiment.tree.num_classes)
    lines = []
    for rule in rules:
        decided = decisions.rescore(scores, experiment.tree, rule)
        values = metrics.summary(labels, decided, experiment.tree, ordering=True)
        more = experiment.measure(decided, labels)
        lines.append({**result, "decision": rule, **values, **more})
    return lines
