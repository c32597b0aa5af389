"""Necks for many classes: what they hold, how far their cosines are off, and a training step.

Between a backbone of C channels and the logits of K classes: a linear classifier (cross-entropy),
HAFrame as in the paper (K x K layers and frame, where that is not absurd), a bottleneck with a
linear layer to K features and the structured frame, a bottleneck with the low-rank frame, and with
the nearest frame of that rank (`frames.best_rank_frame`). What they learn is another question:
recipes/compare.py and recipes/catalogue.py train them, docs/results.md has the table.

Columns: parameters (all are behind the backbone) and those that are trained, bytes of the `.keras`
file with the momentum of SGD, milliseconds of a training step of 64 examples (median of rounds in
which all take turns) and its ratio to the first row's, and for HAFrame the root mean square error
of the cosines over pairs of any classes and of siblings, against the row's own target.

    python benchmarks/necks.py          # minutes; writes benchmarks/results/necks.csv
    python benchmarks/necks.py --quick  # two small necks, no file
"""

from __future__ import annotations

import argparse
import os
import pathlib
import tempfile
from statistics import median

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import machine
import numpy as np

import keras_haframe as kh
from keras_haframe.data import cifar100, drawn_catalogue

RESULTS = pathlib.Path(__file__).parent / "results" / "necks.csv"
BATCH = 64
FRAMES = ("structured", "low_rank", "best_rank")
# Tree, channels of the backbone, gamma, bottlenecks, and whether the K x K network is one of them.
TASKS = {
    "cifar100": (cifar100.class_tree, 1024, 2.0, (32, 64), True),
    "catalogue": (lambda: drawn_catalogue.class_tree("10k"), 256, 3.0, (128, 256), False),
}


def rows(task: str, quick: bool) -> dict[str, tuple[str, dict]]:
    """Method and options of every row, by name."""
    _, _, gamma, widths, whole = TASKS[task]
    found: dict[str, tuple[str, dict]] = {
        "cross-entropy": ("cross_entropy", {"network": "I", "hidden_units": None}),
    }
    if whole and not quick:
        found["K x K"] = ("haframe", {"gamma": gamma, "network": "II"})
    for width in widths[:1] if quick else widths:
        for frame in FRAMES[:2] if quick else FRAMES:
            options = {"gamma": gamma, "bottleneck": width, "frame": frame}
            found[f"{frame} {width}"] = ("haframe", options)
    return found


def make(method: str, options: dict, tree: kh.ClassTree, channels: int) -> keras.Model:
    inputs = keras.Input((channels,))
    backbone = keras.Model(inputs, keras.layers.Identity()(inputs))
    model = kh.build(backbone, tree, method, **options)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), metrics=[])
    return model


def cosines_off(model: keras.Model) -> dict[str, float]:
    """Error of the frame's cosines, over pairs of any classes and of siblings."""
    layer = model.get_layer("classifier")
    if not isinstance(layer, kh.layers.FrameClassifier):
        return {}
    if layer.kind == "structured":  # exact
        return {"cosines_off": 0.0, "siblings_off": 0.0}
    frame = layer.frame(int(model.feature_extractor.output.shape[-1]))
    error = kh.frames.gram_error(frame, layer.target)
    return {"cosines_off": error.root_mean_square, "siblings_off": error.siblings}


def measure(task: str, quick: bool, rounds: int) -> list[dict]:
    make_tree, channels, *_ = TASKS[task]
    tree, rng = make_tree(), np.random.default_rng(0)
    x = rng.standard_normal((BATCH, channels)).astype("float32")
    labels = rng.integers(0, tree.num_classes, BATCH).astype("int32")
    found, steps = [], {}
    for name, (method, options) in rows(task, quick).items():
        model = make(method, options, tree, channels)
        model.train_on_batch(x, labels)
        with tempfile.TemporaryDirectory() as folder:
            model.save(pathlib.Path(folder) / "m.keras")
            size = (pathlib.Path(folder) / "m.keras").stat().st_size
        trained = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
        found.append({
            "task": task, "neck": name, "parameters": model.count_params(), "trained": trained,
            "bytes": size, **{"cosines_off": "", "siblings_off": ""}, **cosines_off(model),
        })  # fmt: skip
        steps[name] = lambda model=model: model.train_on_batch(x, labels)
    seconds = machine.interleave(steps, rounds)
    base = seconds["cross-entropy"].wall
    for row in found:
        row["milliseconds"] = 1e3 * median(seconds[row["neck"]].wall)
        row["ratio"] = machine.ratio(seconds[row["neck"]].wall, base)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=TASKS)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    found = []
    for task in args.tasks[:1] if args.quick else args.tasks:
        for row in measure(task, args.quick, 2 if args.quick else args.rounds):
            print(row, flush=True)
            found.append(row)
    if not args.quick:
        machine.write(RESULTS, [row | machine.about("keras", "tensorflow-cpu") for row in found])


if __name__ == "__main__":
    main()
