"""Methods compared on one task: same data, backbone, budget and seeds; finished runs are kept."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_haframe import decisions, metrics
from keras_haframe.decisions.rules import check_rule
from keras_haframe.methods import get
from keras_haframe.models import build
from keras_haframe.training.settings import keep
from keras_haframe.tree import ClassTree


@dataclasses.dataclass
class Task:
    """What every method of a comparison shares.

    Attributes:
        name: Name of the task.
        tree: Its class tree.
        backbone: Makes a fresh backbone; called after the seed of a run is set.
        batches: Seed to the training data of a run, as `model.fit` takes them.
        inputs: Test inputs, as `model.predict` takes them.
        labels: Test labels `[n]`.
        optimizer: Model to optimizer.
        epochs: Epochs of a run.
        network: `"I"`, `"II"`, or `None` for each method's own (see `build`).
        callbacks: Makes the callbacks of a run.
        settings: Facts that define the task, JSON values. They are stored beside the runs, and
            runs made under other settings are refused.
    """

    name: str
    tree: ClassTree
    backbone: Callable[[], keras.Model]
    batches: Callable[[int], Any]
    inputs: Any
    labels: np.ndarray
    optimizer: Callable[[keras.Model], keras.optimizers.Optimizer]
    epochs: int
    network: str | None = "II"
    callbacks: Callable[[], list] = list
    settings: dict = dataclasses.field(default_factory=dict)

    def facts(self) -> dict:
        """Settings as stored beside the runs."""
        facts = {
            "task": self.name,
            "classes": self.tree.num_classes,
            "test_examples": len(self.labels),
            "epochs": self.epochs,
            "network": self.network,
        }
        return facts | self.settings


def compare(
    task: Task,
    rows: Mapping[str, tuple[str, dict]],
    seeds: Sequence[int],
    folder,
    rules: Sequence[str] = ("", "CRM", "HiE"),
    verbose: int | str = 2,
) -> list[dict]:
    """Train every method with every seed and score the test data under every decision rule.

    The test scores of a finished run are kept in `folder` and the run is not repeated, so a
    comparison that was cut off goes on where it stopped.

    Args:
        task: A `Task`.
        rows: Name of a row to its method and the method's options.
        seeds: Seeds; a run per method and seed.
        folder: Where the runs are kept.
        rules: Decision rules: `""` for the highest score, `"CRM"`, `"HiE"`.
        verbose: As in `keras.Model.fit`.

    Returns:
        One dictionary per method, rule and seed: `"method"`, `"decision"`, `"seed"`, the columns
        of `metrics.summary`, and `"train_seconds"` of the run.

    Raises:
        ValueError: For an unknown method, option or rule, and if `folder` holds runs that were
            made under other settings.
    """
    folder = pathlib.Path(folder)
    for rule in rules:
        check_rule(rule)
    for method, options in rows.values():
        get(method, task.tree, **options)  # every mistake shows before the first hour of training
    keep(folder / "settings.json", task.facts())
    results = []
    for seed in seeds:
        for row, (method, options) in rows.items():
            scores, seconds = _run(task, row, method, options, seed, folder, verbose)
            for rule in rules:
                values = metrics.summary(
                    task.labels, decisions.rescore(scores, task.tree, rule), task.tree
                )
                who = {"method": row, "decision": rule, "seed": seed}
                results.append({**who, **values, "train_seconds": round(seconds, 1)})
    return results


def with_seed(method: str, tree: ClassTree, seed: int, options: Mapping) -> dict:
    """Options with the seed of the run, if the method takes one: in the papers each has its frame.

    Args:
        method: Name of the method.
        tree: The class tree.
        seed: Seed of the run.
        options: Options of the method; a seed among them stays.
    """
    known = get(method, tree, **options).options()
    return {"seed": seed, **options} if "seed" in known else dict(options)


def grouped(results: Sequence[Mapping], rule: str = "") -> dict[str, list[dict]]:
    """Results of `compare` under one rule, as `table.markdown` and the plots take them."""
    rows: dict[str, list[dict]] = {}
    for result in results:
        if result["decision"] == rule:
            name = f"{result['method']} + {rule}" if rule else result["method"]
            rows.setdefault(name, []).append(dict(result))
    return rows


def kept_scores(folder, row: str, seed: int) -> np.ndarray:
    """Test scores `[n, K]` of a finished run of `compare`."""
    with np.load(_path(pathlib.Path(folder), row, seed)) as kept:
        return kept["scores"]


def _path(folder: pathlib.Path, row: str, seed: int) -> pathlib.Path:
    name = "".join(c if c.isalnum() else "_" for c in row.lower())
    return folder / "runs" / f"{name}_seed{seed}.npz"


def _run(task, row, method, options, seed, folder, verbose) -> tuple[np.ndarray, float]:
    """Test scores `[n, K]` and training time of one run, kept or new."""
    path = _path(folder, row, seed)
    options = with_seed(method, task.tree, seed, options)
    recipe = json.dumps({"method": method, **options}, sort_keys=True, default=np.ndarray.tolist)
    if path.exists():
        with np.load(path) as kept:
            if str(kept["recipe"]) != recipe:
                raise ValueError(
                    f"{path} was made with {kept['recipe']}, but {row!r} now asks for {recipe}. "
                    "Choose another folder, or remove the file to repeat the run."
                )
            return kept["scores"], float(kept["seconds"])
    print(f"\n{task.name}: {row}, seed {seed}", flush=True)
    keras.utils.set_random_seed(seed)
    model = build(task.backbone(), task.tree, method, network=task.network, **options)
    model.compile(
        task.optimizer(model),
    )
    started = time.perf_counter()
    model.fit(task.batches(seed), epochs=task.epochs, callbacks=task.callbacks(), verbose=verbose)
    seconds = time.perf_counter() - started
    scores = model.predict(task.inputs, batch_size=256, verbose=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(partial, scores=scores, seconds=seconds, recipe=recipe)
    os.replace(partial, path)
    return scores, seconds
