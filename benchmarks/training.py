"""Training images per second under Keras/TensorFlow against the same network in plain PyTorch.

Two cases, both type II networks of 100 classes with HAFrame's loss and the papers' SGD (two
learning rates, momentum, coupled weight decay):

- resnet50: ResNet-50, 224 px, batch 16;
- wrn: WideResNet-28-2, 32 px, batch 128.

Everything but the step is left out: no input pipeline, one fixed batch, no metrics, float32. Each
system is measured beside Keras, both in processes of their own with as many threads as the machine
has cores (`--threads`), and they take turns: a step of one while the other waits. (With four
processes alive PyTorch was slower than with two.) `ratio` is the median over rounds of the images
per second against those of Keras in the same round; trust it more than the rates. PyTorch starts
from the Keras weights; the losses of its first two steps must equal those of Keras (0.01 % and
1 %), or nothing is measured. ResNet-50 has a small learning rate for that: its gradients at random
weights are so large that after a step at the papers' rate rounding errors alone make other losses.

What makes Keras/TensorFlow as fast as it is here, all of it the default of keras_haframe:

- batch normalization with TensorFlow's fused kernel (`layers.BatchNormalization`); the row `keras,
  unfused` has Keras's own layer in its place;
- no XLA on a CPU, Keras's own choice there; the row `keras, XLA` shows what it would cost;
- float32 and not bfloat16 on a CPU without bfloat16 units;
- `tf.data`'s autotune off (`data.batches`): its thread held up the end of short epochs for seconds
  in a first version of this measurement, which read the batch through `fit`.

Not the default everywhere: oneDNN's kernels, which TensorFlow leaves off on some processors (row
`keras, oneDNN`: `TF_ENABLE_ONEDNN_OPTS=1`).

    python benchmarks/training.py           # minutes; writes benchmarks/results/training.csv
    python benchmarks/training.py --networks wrn   # one of the two
    python benchmarks/training.py --quick   # small: two rounds at 64 px and batch 16; no file
"""

from __future__ import annotations

import argparse
import csv
import functools
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from statistics import median

import machine

RESULTS = pathlib.Path(__file__).parent / "results" / "training.csv"
OTHERS = {
    "resnet50": ["pytorch", "pytorch, channels-last", "keras, unfused", "keras, oneDNN"],
    "wrn": ["pytorch", "pytorch, channels-last", "keras, unfused", "keras, XLA", "keras, oneDNN"],
}
SIZES = {"resnet50": (224, 16, 1), "wrn": (32, 128, 1)}  # side, batch, steps of a turn
QUICK = {"resnet50": (64, 16, 1), "wrn": (32, 16, 1)}
CLASSES = 100
RATES = {"resnet50": 1e-6, "wrn": 0.1}  # of the head; see above


# In a child process: one system -------------------------------------------------------------------


def make_batch(side: int, batch: int):
    import numpy as np

    rng = np.random.default_rng(0)
    images = rng.standard_normal((batch, side, side, 3)).astype("float32")
    return images, rng.integers(0, CLASSES, batch)


def make_tree():
    import keras_haframe as kh

    return kh.ClassTree.from_nested(
        {f"group {g}": [f"class {10 * g + i}" for i in range(10)] for g in range(10)}
    )


def keras_step(case: str, side: int, batch: int, variant: str, threads: int, weights: str):
    """A training step of Keras; writes the starting weights for PyTorch where there are none."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if variant == "oneDNN":
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
    import keras
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    import keras_haframe as kh
    from keras_haframe.training import papers_sgd

    if variant == "unfused":
        kh.layers.BatchNormalization.call = keras.layers.BatchNormalization.call
    keras.utils.set_random_seed(0)
    tree = make_tree()
    if case == "resnet50":
        backbone, options = kh.models.resnet50((side, side, 3)), {}
    else:
        backbone = kh.models.wide_resnet((side, side, 3), depth=28, width=2)
        options = {"input_momentum": 0.999, "reduce_init": "normal"}
    model = kh.build(backbone, tree, "haframe", network="II", gamma=1.0, alpha=0.5, **options)
    jit = True if variant == "XLA" else model.jit_compile
    model.compile(papers_sgd(model, RATES[case]), jit_compile=jit)
    if not variant:
        targets = kh.frames.similarity(tree, 1.0, kh.frames.min_similarity(tree, 1.0, "grid"))
        arrays = {v.path: keras.ops.convert_to_numpy(v) for v in model.weights}
        np.savez(weights, targets=targets.astype("float32"), **arrays)
    images, labels = (tf.constant(v) for v in make_batch(side, batch))
    versions = f"keras {keras.__version__}, tensorflow {tf.__version__}"

    def step() -> float:
        model.reset_metrics()
        return float(np.ravel(model.train_on_batch(images, labels))[0])

    return step, versions


def torch_step(case: str, side: int, batch: int, variant: str, threads: int, weights: str):
    import numpy as np
    import torch
    import training_torch

    torch.set_num_threads(threads)
    with np.load(weights) as file:
        arrays = dict(file)
    step = training_torch.make_step(
        case,
        arrays,
        *make_batch(side, batch),
        arrays.pop("targets"),
        RATES[case],
        channels_last=variant == "channels-last",
    )
    return step, f"torch {torch.__version__}"


def child(system: str, case: str, side: int, batch: int, threads: int, weights: str) -> None:
    """Two steps to get ready; then, for every line read, that many steps and an answer."""
    library, _, variant = system.partition(", ")
    make = {"keras": keras_step, "pytorch": torch_step}[library]
    step, versions = make(case, side, batch, variant, threads, weights)
    print(json.dumps({"losses": [step(), step()], "versions": versions}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"losses": [step() for _ in range(int(line))]}), flush=True)


# In the parent: all systems in turn ---------------------------------------------------------------


class System:
    """A child process that trains when asked to."""

    measured: dict = {}  # further columns of its row

    def __init__(self, name: str, arguments: list[str], script: str = __file__):
        self.name = name
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, script, "--child", name, *arguments],
            env=machine.environment(TF_CPP_MIN_LOG_LEVEL="3"), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
        )  # fmt: skip
        self.facts = self.read()

    def read(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            self.errors.seek(0)
            raise RuntimeError(f"{self.name} ended with {code}:\n{self.errors.read()[-2000:]}")
        return json.loads(line)

    def train(self, steps: int) -> None:
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        self.read()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def check_losses(systems: list[System]) -> None:
    """Raise unless all systems compute what the first one does."""
    first = systems[0].facts["losses"]
    for system in systems[1:]:
        for mine, known, tolerance in zip(system.facts["losses"], first, (1e-4, 1e-2)):
            if not abs(mine - known) <= tolerance * abs(known):
                raise RuntimeError(
                    f"{system.name} is another network: its first losses are "
                    f"{system.facts['losses']}, those of {systems[0].name} {first}"
                )


def measure(case: str, size: tuple[int, int, int], rounds: int, threads: int) -> list[dict]:
    """Rows of the table, one per system: Keras, and each other one beside it."""
    arguments = [case, *(str(n) for n in size[:2]), str(threads)]
    rows: list[dict] = []
    for other in OTHERS[case]:
        systems = [functools.partial(System, name) for name in ("keras", other)]
        pair = measure_pair(case, systems, arguments, size, rounds, threads)
        rows += pair[1:] if rows else pair
    for row in rows:
        print(
            f"{case:<9} {row['system']:<24} {row['side']:>4} px  batch {row['batch']:>3} "
            f"{row['images_per_s']:>8.2f} images/s {row['ratio']:>6.2f} of keras, "
            f"load {row['load']}",
            flush=True,
        )
    return rows


def measure_pair(
    case: str,
    make: Sequence[Callable[[list[str]], System]],
    arguments: list[str],
    size: tuple[int, int, int],
    rounds: int,
    threads: int,
    same: bool = True,
) -> list[dict]:
    """Rows of two systems, which live and take turns together.

    Args:
        case: Name of the network.
        make: Starts a system, from `arguments` and the path of the weights.
        arguments: Of the child processes.
        size: Side, batch and steps of a turn.
        rounds: Turns.
        threads: Of each.
        same: Whether both must have the same first losses.
    """
    side, batch, steps = size
    systems: list[System] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for start in make:
                systems.append(start([*arguments, f"{folder}/weights.npz"]))
            if same:
                check_losses(systems)
            started = os.getloadavg()[0]
            calls = {s.name: functools.partial(s.train, steps) for s in systems}
            times = machine.interleave(calls, rounds, warm=0)
        finally:
            for system in systems:
                system.close()
    load = f"{started:.1f}-{os.getloadavg()[0]:.1f}"
    first = times[systems[0].name].wall
    return [
        {
            "network": case, "system": system.name, "side": side, "batch": batch,
            "images_per_s": round(steps * batch / median(times[system.name].wall), 2),
            "ratio": round(machine.ratio(first, times[system.name].wall), 3), **system.measured,
            "rounds": rounds, "threads": threads, "load": load,
            "versions": system.facts["versions"],
        }
        for system in systems
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two rounds, small; writes nothing")
    parser.add_argument("--networks", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--rounds", type=int, default=5, help="turns of both systems of a pair")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of a system")
    parser.add_argument("--child", nargs=6, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        system, case, side, batch, threads, weights = args.child
        child(system, case, int(side), int(batch), int(threads), weights)
        return
    if importlib.util.find_spec("torch") is None:
        if not args.quick:
            raise SystemExit("The rows of PyTorch need it: pip install torch")
        print("PyTorch is not installed: its rows are left out")
        for case, others in OTHERS.items():
            OTHERS[case] = [name for name in others if not name.startswith("pytorch")]
    for case, size in (QUICK if args.quick else SIZES).items():
        if case in args.networks:
            rows = measure(case, size, 2 if args.quick else args.rounds, args.threads)
            if not args.quick:
                write(case, rows)


def write(case: str, rows: list[dict]) -> None:
    """Put the rows of a network into the file; those of the other stay."""
    rows = [row | machine.about() for row in rows]
    if RESULTS.exists():
        with open(RESULTS, newline="", encoding="utf-8") as file:
            kept = [row for row in csv.DictReader(file) if row["network"] != case]
        rows = sorted(kept + rows, key=lambda row: list(SIZES).index(row["network"]))
    machine.write(RESULTS, rows)


if __name__ == "__main__":
    main()
