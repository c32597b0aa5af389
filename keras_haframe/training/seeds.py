"""One row of a paper's table: a method trained with several seeds, under its decision rules."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from keras_haframe import metrics
from keras_haframe.decisions import rescore
from keras_haframe.training import distribution, table
from keras_haframe.training.runner import run
from keras_haframe.training.schedules import epoch_cosine
from keras_haframe.training.settings import RunSettings


def run_seeds(
    settings: RunSettings,
    tree,
    make_model: Callable[[int], keras.Model],
    make_train: Callable[[int], Any],
    validation: tuple,
    test: tuple,
    steps: int | None = None,
    name: str | None = None,
    callbacks: Callable[[], list] | None = None,
    rules: Sequence[str] = ("", "CRM"),
    measure: Callable[[np.ndarray, np.ndarray], dict] = lambda scores, labels: {},
) -> dict[str, list[dict]] | None:
    """Run every seed, write NAME.csv, print the table.

    Args:
        settings: Settings of the recipe; `output` gets a folder per seed.
        tree: The class tree.
        make_model: Seed to a compiled `HierarchicalClassifier`.
        make_train: Seed to the training data, see `run`.
        validation, test, steps: See `run`.
        name: Name of the row; METHOD_TYPE by default.
        callbacks: Makes the callbacks of a run; by default the epoch-wise cosine.
        rules: Decision rules of `decisions.rescore`, a row each.
        measure: Scores `[n, K]` and labels `[n]` to further columns.

    Returns:
        Row name to one result per seed; `None` if the time was up before all seeds were done.
    """
    name = name or f"{settings.method}_{settings.type}"
    output = pathlib.Path(settings.output)
    rows: dict[str, list[dict]] = {f"{name} + {rule}" if rule else name: [] for rule in rules}
    for seed in range(settings.seed, settings.seed + settings.seeds):
        folder = output / f"{name}_seed{seed}"
        result = run(
            functools.partial(make_model, seed), make_train(seed), validation, test,
            settings.epochs, folder, seed, settings.facts(),
            callbacks or (lambda: [epoch_cosine(settings.rate, settings.epochs)]),
            settings.max_minutes, steps,
        )  # fmt: skip
        if result is None:
            return None
        with np.load(folder / "scores.npz") as kept:
            scores, labels = kept["scores"], kept["labels"]
        for rule, row in zip(rules, rows):
            decided = rescore(scores, tree, rule)
            values = metrics.summary(labels, decided, tree) | measure(decided, labels)
            rows[row].append({"method": row, **result, **values})
    if distribution.process()[0]:
        return rows
    table.write_csv([r for runs in rows.values() for r in runs], output / f"{name}.csv")
    print(f"\n{len(test[1])} test images\n\n{table.markdown(rows)}")
    return rows
