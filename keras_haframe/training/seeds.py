"""One row of a paper's table: a method trained with several seeds, scored with and without CRM."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_haframe import metrics
from keras_haframe.training import table
from keras_haframe.training.comparison import decide
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
) -> dict[str, list[dict]] | None:
    """Run every seed, write METHOD_TYPE.csv, print the table.

    Args:
        settings: Settings of the recipe; `output` gets a folder per seed.
        tree: The class tree.
        make_model: Seed to a compiled `HierarchicalClassifier`.
        make_train: Seed to the training data, see `run`.
        validation, test, steps: See `run`.

    Returns:
        Row name to one result per seed; `None` if the time was up before all seeds were done.
    """
    name = f"{settings.method}_{settings.type}"
    output = pathlib.Path(settings.output)
    rows: dict[str, list[dict]] = {name: [], f"{name} + CRM": []}
    for seed in range(settings.seed, settings.seed + settings.seeds):
        folder = output / f"{name}_seed{seed}"
        result = run(
            functools.partial(make_model, seed), make_train(seed), validation, test,
            settings.epochs, folder, seed, settings.facts(),
            lambda: [epoch_cosine(settings.rate, settings.epochs)], settings.max_minutes, steps,
        )  # fmt: skip
        if result is None:
            return None
        with np.load(folder / "scores.npz") as kept:
            risk = metrics.summary(kept["labels"], decide(kept["scores"], tree, "CRM"), tree)
        for row, more in zip(rows, ({}, risk)):
            rows[row].append({"method": row, **result, **more})
    table.write_csv([r for runs in rows.values() for r in runs], output / f"{name}.csv")
    print(f"\n{len(test[1])} test images\n\n{table.markdown(rows)}")
    return rows
