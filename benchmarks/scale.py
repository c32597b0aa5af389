"""Time and memory of everything a model does, over the number of classes: HAFrame and Dense(K).

`haframe` is `build(backbone, tree, "haframe", ...)` on features of 256 dimensions, with the options
`OURS`; `dense` is plain Keras on the same features: `Dense(K)` with cross-entropy. A case is one
action of one of them at one K. It runs in a process of its own, the two models taking turns, and
what it needs first (tree, model, file) is made before its clock starts. Time is the median of
several runs, of one where a run takes seconds. Memory is the peak resident size of the process less
that of one with the same imports, so it includes what was made before. A case that fails, passes
`--limit` seconds or `--memory` GB of address space says so in the table, and larger ones of its
kind are not run.

- tree: `ClassTree` from a list of edges.
- build: model, loss and metrics.
- step: forward, loss, and gradients of all weights, batch 64, no optimizer.
- step by blocks: the same with `class_block`, without logits, on the low-rank frame: it needs class
  vectors one by one, which the structured frame has not.
- metrics: the headline metrics of 64 rows of scores (dense: top-1).
- crm: conditional risk of 64 rows of probabilities.
- save, load: the `.keras` file. export: the SavedModel of `kh.export` (dense: of `model.export`).
- train, predict: `train_on_batch` with SGD and momentum, `predict_on_batch`, and the same of the
  model of "step by blocks" (whose prediction is whole); only where named.

`--anchors` are three more cases: K = 10,000 on 2,048 features; K = 100,000, the step; K = 3,000,000
on 256 features, batch 32, a training step and a prediction. Exponents are slopes of the logarithms
over log K, fitted to the last three sizes.

    python benchmarks/scale.py            # K to 1,000,000; writes benchmarks/results/scale.csv
    python benchmarks/scale.py --quick    # K to 1,000; writes nothing
    python benchmarks/scale.py --huge --anchors
"""

from __future__ import annotations

import argparse
import json
import math
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import machine
from frames import make_tree, peak_mb

# Nothing large may be imported up here: a child process starts with its parent's peak memory.

OURS = {"frame": "auto", "network": "II"}
BLOCK = 8192  # of "step by blocks"
RESULTS = pathlib.Path(__file__).parent / "results" / "scale.csv"
SIZES, HUGE = (100, 1_000, 10_000, 100_000, 1_000_000), 3_000_000
ACTIONS = (
    "tree", "build", "step", "step by blocks", "metrics", "crm", "save", "load", "export",
)  # fmt: skip
NOT_OF_DENSE = ("tree", "step by blocks", "train by blocks", "predict by blocks", "crm")
ANCHORS = (  # classes, features, batch, actions
    (10_000, 2_048, 64, ("build", "step", "save")),
    (100_000, 256, 64, ("step", "step by blocks")),
    (3_000_000, 256, 32, ("train", "train by blocks", "predict", "predict by blocks")),
)
EVERY = tuple(dict.fromkeys((*ACTIONS, *(a for *_, actions in ANCHORS for a in actions))))
SECONDS = 2.0  # of repetitions


# In a child process: one case ---------------------------------------------------------------------


def timed(function) -> float:
    """Median seconds of runs, of one if it takes long; the first is left out."""
    start = time.perf_counter()
    function()
    first = time.perf_counter() - start
    runs: list[float] = []
    while not runs or (sum(runs) < SECONDS and len(runs) < 20):
        if first > 30 * SECONDS:
            return first
        start = time.perf_counter()
        function()
        runs.append(time.perf_counter() - start)
    return statistics.median(runs)


def once(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def make_model(side: str, classes: int, features: int, **options):
    import keras

    inputs = keras.Input((features,))
    if side == "dense":
        outputs = keras.layers.Dense(classes)(inputs)
        model = keras.Model(inputs, outputs)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss)
        return model
    import keras_haframe as kh

    backbone = keras.Model(inputs, keras.layers.Identity()(inputs))
    return kh.build(backbone, make_tree(classes), "haframe", **{**OURS, **options})


def step_of(model, x, labels):
    """Loss and gradients of all weights as one graph."""
    import tensorflow as tf

    @tf.function
    def step(x, labels):
        with tf.GradientTape() as tape:
            outputs = model(x, training=True)
            value = model.compute_loss(x, labels, outputs, training=True)
        return value, tape.gradient(value, model.trainable_variables)

    x, labels = tf.constant(x), tf.constant(labels)
    return lambda: step(x, labels)[0].numpy()


def run_case(action: str, side: str, classes: int, features: int, batch: int, folder: str) -> dict:
    """Measure one case in this process."""
    import numpy as np

    rng = np.random.default_rng(0)
    file = pathlib.Path(folder) / f"{side} {classes} {features}.keras"
    if action in ("metrics", "crm", "tree"):
        return without_model(action, side, classes, batch, rng)
    import keras

    if action == "build":
        if side == "haframe":
            import keras_haframe as kh

            tree = make_tree(classes)
            backbone = keras.Sequential([keras.Input((features,)), keras.layers.Identity()])
            made: list = []
            seconds = once(lambda: made.append(kh.build(backbone, tree, "haframe", **OURS)))
        else:
            made = []
            seconds = once(lambda: made.append(make_model(side, classes, features)))
        return {"seconds": seconds, "parameters": made[0].count_params()}
    if action == "load":
        import keras_haframe  # noqa: F401

        if not file.exists():
            raise RuntimeError("nothing was saved")
        return {"seconds": once(lambda: keras.models.load_model(file))}
    options: dict = {}
    if action.endswith("by blocks"):
        options = {"class_block": min(BLOCK, classes // 2), "frame": "low_rank"}
    model = make_model(side, classes, features, **options)
    x = rng.standard_normal((batch, features)).astype("float32")
    labels = rng.integers(0, classes, batch).astype("int32")
    row = {"parameters": model.count_params()}
    if action in ("step", "step by blocks"):
        row["seconds"] = timed(step_of(model, x, labels))
    elif action.startswith("train"):
        row["seconds"] = timed(lambda: model.train_on_batch(x, labels))
    elif action.startswith("predict"):
        row["seconds"] = timed(lambda: model.predict_on_batch(x))
    elif action == "save":
        row["seconds"] = once(lambda: model.save(file))
        row["file_mb"] = file.stat().st_size / 1e6
    else:
        target = pathlib.Path(folder) / f"export_{side}_{classes}"
        row["seconds"] = once(lambda: export(side, model, target))
        row["file_mb"] = sum(f.stat().st_size for f in target.rglob("*") if f.is_file()) / 1e6
        shutil.rmtree(target)
    return row


def export(side: str, model, target: pathlib.Path) -> None:
    if side == "dense":
        model.export(target, verbose=False)
        return
    import keras_haframe as kh

    kh.export(model, target)


def without_model(action: str, side: str, classes: int, batch: int, rng) -> dict:
    """Tree, metrics and conditional risk."""
    if action == "tree":
        return {"seconds": tree_seconds(classes)}
    import keras
    import tensorflow as tf

    import keras_haframe as kh

    scores = tf.constant(rng.standard_normal((batch, classes)).astype("float32"))
    labels = tf.constant(rng.integers(0, classes, batch).astype("int32"))
    if action == "crm":
        tree, p = make_tree(classes), tf.nn.softmax(scores)
        risk = tf.function(lambda p: kh.decisions.conditional_risk(p, tree))
        return {"seconds": timed(lambda: risk(p)[0, 0].numpy())}
    if side == "dense":
        measured = [keras.metrics.SparseCategoricalAccuracy()]
    else:
        measured = kh.metrics.headline_metrics(make_tree(classes))

    @tf.function
    def update(labels, scores):
        for metric in measured:
            metric.update_state(labels, scores)
        return measured[0].result()

    return {"seconds": timed(lambda: update(labels, scores).numpy())}


def tree_seconds(classes: int) -> float:
    """Seconds of `ClassTree` from edges; those of making the edges do not count."""
    import keras_haframe as kh

    spent: list[float] = []
    usual = kh.ClassTree.__init__

    def init(self, *args, **kwargs):
        spent.append(once(lambda: usual(self, *args, **kwargs)))

    kh.ClassTree.__init__ = init
    make_tree(classes)
    return spent[0]


def child_main(args: argparse.Namespace) -> None:
    if args.memory:
        limit = int(args.memory * 2**30)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    import keras_haframe  # noqa: F401

    if args.case == "baseline":
        import tensorflow  # noqa: F401

        print(json.dumps({"peak_mb": peak_mb()}))
        return
    row = run_case(args.case, args.side, args.classes, args.features, args.batch, args.folder)
    print(json.dumps(row | {"peak_mb": peak_mb()}))


# In the parent: all cases in turns ----------------------------------------------------------------


def measure(case: tuple, folder: str, args: argparse.Namespace) -> dict:
    """Run one case in a process of its own; a failure is a note."""
    action, side, classes, features, batch = case
    given = ("--case", action, "--side", side, "--classes", classes, "--features", features)
    given += ("--batch", batch, "--folder", folder, "--memory", args.memory)
    try:
        found = machine.child(
            __file__, *given, threads=args.threads, limit=args.limit, KERAS_BACKEND="tensorflow",
            TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1",
        )  # fmt: skip
        return found[-1]
    except subprocess.TimeoutExpired:
        return {"note": f"over {args.limit:g} s"}
    except RuntimeError as error:
        return {"note": reason(str(error), args.memory)}


def reason(error: str, memory: float) -> str:
    """Why a case failed, in a line."""
    signs = (
        "MemoryError",
        "bad_alloc",
        "OOM",
        "RESOURCE_EXHAUSTED",
        "ResourceExhausted",
        "allocate",
    )
    if any(sign in error for sign in signs):
        return f"over {memory:g} GB of address space" if memory else "out of memory"
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    return f"failed: {lines[-1][:120]}"


def exponents(rows: list[dict]) -> dict[tuple[str, str], tuple[float, float]]:
    """Slopes of log time and log memory over log K by action and side, of the last three sizes."""
    found = {}
    for key in dict.fromkeys((r["action"], r["model"]) for r in rows):
        mine = [r for r in rows if (r["action"], r["model"]) == key and "seconds" in r][-3:]
        if len(mine) > 1:
            found[key] = tuple(
                slope([(r["classes"], max(r[name], least)) for r in mine])
                for name, least in (("seconds", 1e-6), ("peak_mb", 0.1))
            )
    return found


def slope(points: list[tuple[float, float]]) -> float:
    """Least-squares slope of the logarithms."""
    x, y = ([math.log(p[i]) for p in points] for i in (0, 1))
    mean_x, mean_y = statistics.fmean(x), statistics.fmean(y)
    rise = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return rise / sum((a - mean_x) ** 2 for a in x)


def cases(args: argparse.Namespace):
    """Every case, the two models in turns: action, model, classes, features, batch."""
    sizes = SIZES[:2] if args.quick else (*SIZES, HUGE) if args.huge else SIZES
    plans = [] if args.only_anchors else [(k, 256, 64, ACTIONS) for k in sizes]
    if args.anchors or args.only_anchors:
        plans += ANCHORS
    for classes, features, batch, actions in plans:
        for action in actions:
            if args.actions and action not in args.actions:
                continue
            for side in ("haframe", "dense"):
                if side == "haframe" or action not in NOT_OF_DENSE:
                    yield action, side, classes, features, batch


def main(args: argparse.Namespace) -> list[dict]:
    rows: list[dict] = []
    failed: dict[tuple[str, str, int], int] = {}
    with tempfile.TemporaryDirectory() as folder:
        base = measure(("baseline", "", 0, 0, 0), folder, args)
        if "peak_mb" not in base:
            raise SystemExit(f"Not even the imports run: {base['note']}. Raise --memory.")
        print(f"imports alone: {base['peak_mb']:.0f} MB")
        print(f"{'K':>9} {'features':>8}  {'action':<15} {'model':<8} {'seconds':>9} {'MB':>8} "
              f"{'parameters':>12} {'file MB':>9} {'load':>5}")  # fmt: skip
        for case in cases(args):
            action, side, classes, features, batch = case
            row = {
                "classes": classes, "features": features, "batch": batch, "action": action,
                "model": side, "load": round(os.getloadavg()[0], 1),
            }  # fmt: skip
            before = failed.get((action, side, features))
            if before is not None and before < classes:
                row["note"] = f"not run: K = {before:,} failed"
            else:
                row |= measure(case, folder, args)
            if "peak_mb" in row:
                row["peak_mb"] = round(max(0.0, row["peak_mb"] - base["peak_mb"]), 1)
                row["seconds"] = float(f"{row['seconds']:.4g}")
            else:
                failed.setdefault((action, side, features), classes)
            rows.append(row)
            print(
                f"{classes:>9,} {features:>8,}  {action:<15} {side:<8} {row.get('seconds', ''):>9} "
                f"{row.get('peak_mb', ''):>8} {row.get('parameters', ''):>12} "
                f"{round(row['file_mb'], 2) if 'file_mb' in row else '':>9} {row['load']:>5} "
                f"{row.get('note', '')}",
                flush=True,
            )
    fitted = exponents([row for row in rows if row["features"] == 256 and row["batch"] == 64])
    print("\nexponents of time and memory over K, last three sizes")
    for (action, side), (seconds, memory) in fitted.items():
        print(f"{action:<15} {side:<8} {seconds:>6.2f} {memory:>6.2f}")
    for row in rows:
        row.setdefault("note", "")
        if row["features"] == 256 and (row["action"], row["model"]) in fitted:
            seconds, memory = fitted[row["action"], row["model"]]
            row |= {"time_exponent": round(seconds, 2), "memory_exponent": round(memory, 2)}
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="K = 100 and 1,000; writes no file")
    parser.add_argument("--huge", action="store_true", help="K = 3,000,000 too")
    parser.add_argument("--anchors", action="store_true", help="the three named cases too")
    parser.add_argument("--only-anchors", action="store_true", help="the three named cases alone")
    parser.add_argument("--actions", nargs="*", choices=EVERY, default=[])
    parser.add_argument("--limit", type=float, default=600.0, help="longest case in seconds")
    parser.add_argument("--memory", type=float, default=0.0, help="GB of address space, 0 for all")
    parser.add_argument("--threads", type=int, default=2, help="threads of the BLAS library")
    parser.add_argument("--output", type=pathlib.Path, help=f"CSV file (default {RESULTS})")
    for hidden, kind in (("case", str), ("side", str), ("folder", str)):
        parser.add_argument(f"--{hidden}", type=kind, help=argparse.SUPPRESS)
    for hidden in ("classes", "features", "batch"):
        parser.add_argument(f"--{hidden}", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        child_main(options)
        sys.exit()
    table = main(options)
    output = options.output or (None if options.quick or options.actions else RESULTS)
    if output:
        about = machine.about("keras", "numpy", "tensorflow-cpu")
        machine.write(output, [row | about for row in table])
