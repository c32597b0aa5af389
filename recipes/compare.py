"""Every training method on one task: same data, backbone, optimizer and budget, several seeds.

    python recipes/compare.py --dataset drawn_aircraft
    python recipes/compare.py --dataset grocery_store --data-dir DIR --weights imagenet
    python recipes/compare.py --dataset cifar100 --data-dir DIR --weights imagenet

The tasks are those of `haframe demo`, grocery.py and cifar100_features.py. Every method
gets the same type II network (`--network`), so rows differ in head and loss alone; each is scored
by its highest score, by the conditional risk (CRM) and by the hierarchical ensemble (HiE). A method
that is not in the list below is a row of its own, with its default options; so is any other choice,
as `"name: method option=value ..."` (K is the number of classes).

Writes to `--output` the runs, results.csv with a line per method, decision and seed, results.md
with the tables (mean and 95 % half-width), results.png with accuracy against severity. Finished
runs are never repeated, so the command can be stopped and given again. `haframe report` makes a
page of the folder.

Results, machine and versions: docs/results.md.
"""

import argparse
import dataclasses
import importlib
import pathlib
import sys
from collections.abc import Sequence

import matplotlib

matplotlib.use("Agg")
import simple_parsing
from matplotlib import pyplot as plt

from keras_haframe import decisions, methods, plots
from keras_haframe.files import whole, write_text
from keras_haframe.results.table import by_method, markdown
from keras_haframe.training import compare, parse, row_of
from keras_haframe.training.distribution import is_first

RECIPES = {
    "drawn_aircraft": "keras_haframe.demo",
    "grocery_store": "grocery",
    "cifar100": "cifar100_features",
}

# Options where the defaults, which are the papers' choices for other trees, do not suit all three.
ROWS = {
    "cross-entropy": ("cross_entropy", {}),
    "Flamingo": ("flamingo", {}),
    "HAFeature": ("hafeature", {}),
    "HXE 0.1": ("hierarchical_cross_entropy", {"alpha": 0.1}),
    "HXE 0.6": ("hierarchical_cross_entropy", {"alpha": 0.6}),
    "soft labels 4": ("soft_labels", {"beta": 4.0}),
    "soft labels 10": ("soft_labels", {"beta": 10.0}),
    "soft labels 30": ("soft_labels", {"beta": 30.0}),
    "YOLO-v2": ("conditional_softmax", {}),
    "Barz & Denzler": ("label_embeddings", {}),
    "DeViSE, tree vectors": ("devise", {}),
    "ETF + DR": ("etf_dr", {}),
    "Hier-COS": ("hier_cos", {"alpha": 0.1}),
    "CPCC": ("cpcc", {}),
    "tree-path KL": ("tree_path_kl", {}),
    "HAFrame": ("haframe", {}),
    "HAFrame, alpha 0": ("haframe", {"alpha": 0.0}),
    "HAFrame + DR": ("haframe_dr", {"gamma": 1.0}),
}
_named = {method for method, _ in ROWS.values()}
ROWS |= {name: (name, {}) for name in methods.names() if name not in _named}


def settings_of(argv: Sequence[str]):
    """Settings of the task and of the comparison, and the task's recipe."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--dataset", choices=RECIPES, default="drawn_aircraft")
    recipe = importlib.import_module(RECIPES[first.parse_known_args(argv)[0].dataset])

    @dataclasses.dataclass
    class Settings(recipe.Settings):
        """Settings of the task and of the comparison."""

        dataset: str = simple_parsing.choice(*RECIPES, default="drawn_aircraft")  # the task
        # rows of the table, all by default
        methods: list[str] = dataclasses.field(default_factory=lambda: list(ROWS))
        seeds: int = 3  # number of seeds
        network: str = simple_parsing.choice("I", "II", default="II")  # network type of all rows
        ddof: int = 1  # 0: the papers' narrower intervals
        output: str = "runs/compare/DATASET"  # folder where everything is kept

    settings = parse(Settings, __doc__, argv)
    for row in settings.methods:
        if row not in ROWS and row_of(row, 0)[1][0] not in methods.names():
            raise SystemExit(
                f"unknown method {row!r}; choose from: {', '.join(ROWS)}, or give "
                "'name: method option=value ...'"
            )
    output = settings.output.replace("DATASET", settings.dataset)
    return dataclasses.replace(settings, output=output), recipe


def main(argv: Sequence[str] | None = None) -> None:
    """Train all rows, write tables and figure."""
    settings, recipe = settings_of(sys.argv[1:] if argv is None else argv)
    settings.start()
    task = recipe.experiment(settings, settings.network)
    mine = ("methods", "seeds", "ddof", "output")
    task.settings = {k: v for k, v in task.settings.items() if k not in mine}
    rows = {}
    for row in settings.methods:
        name, (method, given) = (
            (row, ROWS[row]) if row in ROWS else row_of(row, task.tree.num_classes)
        )
        rows[name] = method, recipe.OPTIONS.get(method, {}) | given
    seeds = range(settings.seed, settings.seed + settings.seeds)
    results = compare(task, rows, seeds, settings.output, **settings.running())
    if results is None or not is_first():
        return
    output = pathlib.Path(settings.output)
    tables = [
        markdown(by_method(results, rule), settings.ddof) for rule in ("", *decisions.names())
    ]
    text = "\n\n".join(tables) + "\n"
    write_text(output / "results.md", text)
    figure, ax = plt.subplots(figsize=(6, 6), layout="constrained")
    title = f"{settings.dataset}, {settings.seeds} seed{'s' * (settings.seeds > 1)}"
    plots.plot_accuracy_severity(by_method(results, ""), title=title, ax=ax)
    with whole(output / "results.png") as partial:
        figure.savefig(partial, dpi=120)
    print(f"\n{text}\nwritten to {output}")


if __name__ == "__main__":
    main()
