"""What masked pre-training brings a small ViT on CIFAR-100, at equal total time.

    python benchmarks/mae_cifar100.py run --arrays cifar100.npz --seeds 0 1 2   # hours, resumable
    python benchmarks/mae_cifar100.py ratios --arrays cifar100.npz --seeds 0    # hidden shares
    python benchmarks/mae_cifar100.py table             # writes benchmarks/results/mae_cifar100.csv

`run` calls recipes/mae_pretrain.py once a seed and recipes/mae_finetune.py for every row of `ROWS`
on its encoder: whole, the last two blocks, a head on kept features. The rows from scratch train the
same network for as many epochs as the same seed's pre-training and full fine-tuning took seconds.
Nothing is tuned: rates are the recipes' own, but for pre-training, 4 times the paper's for 15
epochs in place of 800. Seeds can be shared out to several processes, each held to a core
(`taskset`, OMP_NUM_THREADS=1). `--smoke`: a few minutes, drawn images.
"""

from __future__ import annotations

import argparse
import csv
import pathlib
import subprocess
import sys
from collections.abc import Sequence

import machine

from keras_haframe.results.folder import read_results
from keras_haframe.results.table import by_method, markdown

RESULTS = machine.ROOT / "benchmarks" / "results" / "mae_cifar100.csv"
COMMON = ["--size", "mini", "--batch-size", "256", "--seeds", "1"]
# What is tuned (or trained from scratch) with which method and, where it is not the recipe's, in
# which type of network. The first tells the time of an epoch.
ROWS = [
    ("full", "haframe", ""), ("full", "cross_entropy", ""), ("cached", "haframe", ""),
    ("cached", "cross_entropy", ""), ("2", "haframe", ""), ("cached", "cross_entropy", "II"),
    ("scratch", "haframe", ""), ("full", "cross_entropy", "II"), ("scratch", "cross_entropy", ""),
]  # fmt: skip
RATIOS = (0.25, 0.5, 0.75, 0.9)


def recipe(name: str, *words: object) -> None:
    """Run a recipe to its end, or stop here as it did."""
    command = [sys.executable, str(machine.ROOT / "recipes" / f"{name}.py"), *map(str, words)]
    print(" ".join(command), flush=True)
    code = subprocess.run(command, env=machine.environment()).returncode
    if code:
        raise SystemExit(code)


def seconds(experiment: pathlib.Path, seed: int) -> list[float]:
    """Seconds of the training steps of every epoch of an experiment's run."""
    (run,) = experiment.glob(f"*_seed{seed}")
    with open(run / "seconds.csv", newline="") as file:
        return [float(trained) for _, trained, _ in csv.reader(file)]


def pretrain(args: argparse.Namespace, seed: int, ratio: float, epochs: int) -> pathlib.Path:
    """Folder of a pre-training experiment."""
    output = args.output / f"ratio_{ratio}_{epochs}"
    recipe(
        "mae_pretrain", *args.words, "--seed", seed, "--epochs", epochs, "--mask-ratio", ratio,
        "--learning-rate", 6e-4, "--output", output,
    )  # fmt: skip
    return output


def tune(
    args: argparse.Namespace,
    seed: int,
    before: pathlib.Path | None,
    what: str,
    method: str,
    epochs: int,
    network: str = "",
    name: str = "",
) -> pathlib.Path:
    """Folder of a tuning experiment with one run, on an encoder trained before or a new one."""
    row = "_".join(filter(None, (name or what, method, network)))
    output = args.output / f"{row}_seed{seed}"
    encoder = "none" if before is None else before / f"mae_seed{seed}" / "model.keras"
    recipe(
        "mae_finetune", *args.words, "--plain", "--seed", seed, "--pretrained", encoder,
        "--tune", what, "--method", method, "--epochs", epochs, "--output", output,
        *(["--network-type", network] if network else []),
    )  # fmt: skip
    return output


def run(args: argparse.Namespace) -> None:
    """All rows of every seed."""
    for seed in args.seeds:
        before = pretrain(args, seed, 0.75, args.epochs)
        whole: list[float] = []  # seconds of the epochs of the first row
        for what, method, network in ROWS:
            if what == "scratch":
                spent = sum(seconds(before, seed)) + sum(whole)
                epochs = max(1, round(spent / sum(whole) * len(whole)))
                tune(args, seed, None, "full", method, epochs, network, what)
                continue
            epochs = args.head_epochs if what == "cached" else args.tuning_epochs
            tuned = tune(args, seed, before, what, method, epochs, network)
            whole = whole or seconds(tuned, seed)


def ratios(args: argparse.Namespace) -> None:
    """A head on kept features after a short pre-training at every share of hidden patches."""
    for seed in args.seeds:
        for ratio in args.ratios:
            before = pretrain(args, seed, ratio, args.short)
            for method in ("cross_entropy", "haframe"):
                name = f"cached_ratio_{ratio}"
                tune(args, seed, before, "cached", method, args.head_epochs, name=name)


def table(args: argparse.Namespace) -> None:
    """A line per row, seed and decision: metrics, epochs, seconds of tuning."""
    rows = []
    for path in sorted(args.output.glob("*_seed*/results.csv")):
        name = path.parent.name.rsplit("_seed", 1)[0]
        for row in read_results(path):
            took = seconds(path.parent, int(row["seed"]))
            more = {"epochs": len(took), "seconds": round(sum(took), 1)}
            rows.append({**row, "method": name, **more})
    if not rows:
        raise SystemExit(f"No finished run in {args.output}.")
    print(markdown(by_method(rows)))
    machine.write(args.csv, rows)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("run", "ratios", "table"))
    parser.add_argument("--arrays", help="CIFAR-100 as .npz; TFDS by default")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=15, help="of pre-training")
    parser.add_argument("--short", type=int, default=3, help="of pre-training for `ratios`")
    parser.add_argument("--ratios", type=float, nargs="+", default=RATIOS, help="hidden shares")
    parser.add_argument("--tuning-epochs", type=int, default=4)
    parser.add_argument("--head-epochs", type=int, default=30)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("runs/mae_cifar100"))
    parser.add_argument("--csv", type=pathlib.Path, default=RESULTS)
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args(argv)
    args.words = [*COMMON, "--dataset", "drawn_aircraft" if args.smoke else "cifar100"]
    args.words += ["--arrays", args.arrays] if args.arrays else []
    args.words += ["--smoke"] if args.smoke else []
    {"run": run, "ratios": ratios, "table": table}[args.what](args)


if __name__ == "__main__":
    main()
