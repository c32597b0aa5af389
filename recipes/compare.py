"""Every training method on one task: same data, backbone, optimizer and budget, several seeds.

    python recipes/compare.py --dataset drawn_aircraft
    python recipes/compare.py --dataset grocery_store --data-dir DIR --weights imagenet
    python recipes/compare.py --dataset cifar100 --data-dir DIR --weights imagenet

The tasks are those of aircraft_demo.py, grocery.py and cifar100_features.py. Every method
gets the same type II network (`--network`), so rows differ in head and loss alone; each is scored
by its highest score, by the conditional risk (CRM) and by the hierarchical ensemble (HiE).

Writes to `--output`: DATASET.csv with a line per method, decision and seed, DATASET.md with the
tables (mean and 95 % half-width), DATASET.png with accuracy against severity. Finished runs are
kept in `--runs` and never repeated, so the command can be stopped and given again.

Results, machine and versions: docs/results.md.
"""

import argparse
import importlib
import pathlib

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from keras_haframe import plots
from keras_haframe.training import compare, grouped, table
from keras_haframe.training.settings import write

RECIPES = {
    "drawn_aircraft": "aircraft_demo",
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
    "Hier-COS": ("hier_cos", {}),
    "CPCC": ("cpcc", {}),
    "tree-path KL": ("tree_path_kl", {}),
    "HAFrame": ("haframe", {}),
    "HAFrame, alpha 0": ("haframe", {"alpha": 0.0}),
    "HAFrame + DR": ("haframe_dr", {}),
}


def options() -> tuple[argparse.Namespace, object]:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", choices=RECIPES, required=True)
    parser.add_argument(
        "--methods", nargs="+", default=list(ROWS), metavar="ROW", help=f"of: {', '.join(ROWS)}"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--network", choices=["I", "II"], default="II")
    parser.add_argument("--output", default="results", type=pathlib.Path)
    parser.add_argument("--runs", default=None, type=pathlib.Path, help="default runs/DATASET")
    parser.add_argument(
        "--ddof", type=int, choices=[0, 1], default=1, help="0: the papers' narrower intervals"
    )
    known, _ = parser.parse_known_args()
    recipe = importlib.import_module(RECIPES[known.dataset])
    recipe.add_arguments(parser)
    args = parser.parse_args()
    unknown = [row for row in args.methods if row not in ROWS]
    if unknown:
        parser.error(f"unknown method {unknown[0]!r}; choose from: {', '.join(ROWS)}")
    return args, recipe


def main() -> None:
    args, recipe = options()
    task = recipe.task(args)
    task.network = args.network
    rows = {}
    for row in args.methods:
        method, given = ROWS[row]
        rows[row] = method, recipe.OPTIONS.get(method, {}) | given
    runs = args.runs or pathlib.Path("runs") / args.dataset
    results = compare(task, rows, range(args.seeds), runs)

    args.output.mkdir(parents=True, exist_ok=True)
    table.write_csv(results, args.output / f"{args.dataset}.csv")
    tables = [table.markdown(grouped(results, rule), args.ddof) for rule in ("", "CRM", "HiE")]
    text = "\n\n".join(tables) + "\n"
    write(args.output / f"{args.dataset}.md", text)
    figure, ax = plt.subplots(figsize=(6, 6), layout="constrained")
    plots.plot_accuracy_severity(
        grouped(results), title=f"{args.dataset}, {args.seeds} seeds", ax=ax
    )
    figure.savefig(args.output / f"{args.dataset}.png", dpi=120)
    print(f"\n{text}\nwritten to {args.output}")


if __name__ == "__main__":
    main()
