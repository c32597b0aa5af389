"""What every method does at its defaults, on eleven tasks that nobody tuned it for.

    python benchmarks/defaults.py --data-dir DIR --weights FILE --seeds 3    # hours, resumable
    python benchmarks/defaults.py ... --tasks wordnet grocery --rows haframe "b: haframe network=II"
    python benchmarks/defaults.py ... --tune            # scored on validation images, for choosing
    python benchmarks/defaults.py ... --tasks aircraft --smoke               # seconds

Every model is `build(backbone, tree, method)` and nothing else: its own network, options, optimizer
and learning rate, the same on all tasks; a task has data, a backbone and a number of epochs
(defaults_tasks.py). Rows are compared with the cross-entropy row of the same task and seed.

`DIR` holds TFDS's `cifar100` and `grocery_store` (recipes/grocery.py), `--weights` is "imagenet" or
a file for `keras.applications.MobileNet(include_top=False)`, `--arrays` is CIFAR-100 as an .npz in
place of TFDS. Finished runs are never repeated. Several processes may train different tasks or rows
in one folder. The table of all finished runs is printed at the end; without `--tune` they are
written to benchmarks/results/defaults.csv.
"""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import machine
import numpy as np

import keras_haframe as kh
from keras_haframe import methods
from keras_haframe.data import ArrayBatches
from keras_haframe.metrics import half_width
from keras_haframe.results.folder import read_results
from keras_haframe.results.table import lines
from keras_haframe.training import Experiment, compare, row_of

RESULTS = machine.ROOT / "benchmarks" / "results" / "defaults.csv"
BASE = "cross_entropy"
# Columns of results, and how a row differs from cross-entropy in them.
POINTS, PERCENT = "points", "percent"
COLUMNS = {"top1": POINTS, "severity": PERCENT, "hier_dist_1": PERCENT, "hier_dist_5": PERCENT}


def experiment(task: Any, name: str) -> Experiment:
    """Every model as `build` makes it."""

    def make_model(method: str, options: dict, synchronized: bool) -> keras.Model:
        model = kh.build(task.make_backbone(), task.tree, method, **options)
        model.compile(model.optimizer, metrics=[])  # scored at the end alone
        return model

    return Experiment(
        task.tree, make_model,
        lambda seed: ArrayBatches(
            *task.train, task.batch_size, seed, task.augment, variants=task.variants
        ).from_epoch,
        task.test, task.epochs, batch_size=task.batch_size,
        settings={"task": name, "epochs": task.epochs, "batch_size": task.batch_size},
    )  # fmt: skip


def read(output: pathlib.Path) -> list[dict[str, Any]]:
    """Results of all tasks, with their names."""
    return [
        {"task": path.parent.name, **row}
        for path in sorted(output.glob("*/results.csv")) for row in read_results(path)
    ]  # fmt: skip


def differences(rows: Sequence[Mapping[str, Any]], column: str) -> dict[tuple, list[float]]:
    """Differences to the cross-entropy of the same task and seed.

    Args:
        rows: Lines of results with their task.
        column: A column of them.

    Returns:
        Task and row to a number per seed that has such a partner: points, or percent of it.
    """
    values = {(row["task"], row["method"], row["seed"]): float(row[column]) for row in rows}
    found: dict[tuple, list[float]] = {}
    for (task, method, seed), value in values.items():
        base = values.get((task, BASE, seed))
        if base is not None:
            difference = value - base if COLUMNS[column] == POINTS else value / base - 1.0
            found.setdefault((task, method), []).append(100.0 * difference)
    return found


def tables(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table a column: mean difference and its 95 % half-width by row and task, worst, mean."""
    parts = []
    for column, unit in COLUMNS.items():
        found = differences(rows, column)
        tasks, names = (list(dict.fromkeys(key[i] for key in found)) for i in (0, 1))
        body = []
        for name in names:
            mine = [found.get((task, name), []) for task in tasks]
            means = [float(np.mean(values)) for values in mine if values]
            worst = min(means) if column == "top1" else max(means)
            body.append([name, *map(cell, mine), f"{worst:+.1f}", f"{np.mean(means):+.1f}"])
        parts.append(lines([f"{column}, {unit}", *tasks, "worst", "mean"], body))
    return "\n\n".join(parts)


def cell(values: Sequence[float]) -> str:
    """Mean and half-width as text."""
    if not values:
        return ""
    spread = f" ± {half_width(values):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):+.1f}{spread}"


def main(argv: Sequence[str] | None = None) -> None:
    from defaults_tasks import TASKS, Sources

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS), metavar="TASK")
    parser.add_argument("--rows", nargs="+", default=methods.names(), help="all methods by default")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data-dir")
    parser.add_argument("--arrays")
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("runs/defaults"))
    parser.add_argument("--csv", type=pathlib.Path, default=RESULTS)
    args = parser.parse_args(argv)
    output = args.output / ("tune" if args.tune else "test")
    sources = Sources(
        args.output / "features", args.data_dir, args.arrays, args.weights, args.tune, args.smoke
    )
    for name in args.tasks:
        task = TASKS[name](sources)
        if args.smoke:
            task.epochs, task.batch_size = 1, 16
        rows = dict(row_of(text, task.tree.num_classes) for text in [BASE, *args.rows])
        compare(
            experiment(task, name), rows, range(args.seeds), output / name, rules=[""], verbose=0
        )
    results = read(output)
    print(f"\n{tables(results)}")
    if not args.tune:
        machine.write(args.csv, results)


if __name__ == "__main__":
    main()
