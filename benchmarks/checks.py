"""Time of `evaluate` with and without the checks of what goes in, paired, on a small network.

python benchmarks/checks.py --rounds 31
"""

from __future__ import annotations

import argparse
import os
import pathlib
import statistics
import sys
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1])]
import machine  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--examples", type=int, default=2048)
    args = parser.parse_args()
    import keras
    import losses
    import numpy as np

    import keras_haframe as kh
    from keras_haframe.losses import label_loss
    from keras_haframe.metrics import base
    from keras_haframe.models import resnet32

    tree = losses.make_tree(100)
    rng = np.random.default_rng(0)
    x = rng.random((args.examples, 32, 32, 3), "float32")
    y = rng.integers(0, 100, args.examples)

    def bare_labels(labels, outputs, num_classes, dtype="float32", whole=False):
        return keras.ops.cast(labels, dtype)

    def split(marked):
        return keras.ops.cast(marked, "int32"), keras.ops.zeros_like(marked, "bool")

    def model() -> kh.HierarchicalClassifier:
        keras.utils.set_random_seed(0)
        return kh.build(resnet32((32, 32, 3)), tree, network="II")

    whole, bare = model(), model()
    graph = {"marked_labels": bare_labels, "split_marks": split, "poisoned": lambda v, lost: v}

    def without() -> None:
        """The same without looking at arrays, and steps traced without marks."""
        model = kh.HierarchicalClassifier
        skipped = [mock.patch.object(model, "_checked", lambda self, x, *rest: (x, x))]
        for module in (base, label_loss):
            skipped += [mock.patch.object(module, name, call) for name, call in graph.items()]
        for patch in skipped:
            patch.start()
        try:
            bare.evaluate(x, y, verbose=0, batch_size=128)
        finally:
            for patch in skipped:
                patch.stop()

    calls = {"checked": lambda: whole.evaluate(x, y, verbose=0, batch_size=128), "bare": without}
    times = machine.interleave(calls, args.rounds, warm=2, seed=0)
    ratio = machine.ratio(times["checked"].cpu, times["bare"].cpu)
    medians = {name: round(statistics.median(t.cpu), 4) for name, t in times.items()}
    print({"ratio_cpu": round(ratio, 4), "median_cpu_s": medians, "examples": args.examples})

    labels, scores = y[:128], rng.random((128, 100), "float32")
    scores = keras.ops.convert_to_tensor(scores)
    metric = kh.metrics.HierarchicalDistance(tree, 5)
    by_hand = machine.interleave(
        {"update_state": lambda: [metric.update_state(labels, scores) for _ in range(20)],
         "labels": lambda: [kh.tree_ops.checks.check_labels(labels, 100) for _ in range(20)]},
        args.rounds,
    )  # fmt: skip
    print({n: f"{1e6 * statistics.median(t.cpu) / 20:.0f} us" for n, t in by_hand.items()})
    print(machine.about("keras", "tensorflow-cpu", "numpy"))


if __name__ == "__main__":
    main()
