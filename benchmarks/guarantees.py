"""Do the guarantees hold? Coverage over 1,000 random splits into calibration and new examples.

    python benchmarks/guarantees.py            # benchmarks/results/guarantees.csv
    python benchmarks/guarantees.py --quick    # 50 splits; writes nothing

A pool of 5,000 labels is drawn from known class probabilities over a random tree of 50 classes; the
model that is judged is twice too sure of itself and partly wrong, which no guarantee minds.
In every split n pool examples calibrate and the rest is answered:

- floor: `calibrate_threshold` for an accuracy, answers of `confidence_floor` by climbing;
- sets: `calibrate_sets` for alpha = 1 - accuracy, `conformal_sets` of at most r nodes.

Promised is that the mean over splits is at least the accuracy. Above it may lie by 1 / (n + 1), and
by more where many examples are right whatever the threshold. `error` is the standard error of the
mean; `size` the mean number of classes below an answer.
"""

from __future__ import annotations

import argparse
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import machine
import numpy as np

import keras_haframe as kh
from keras_haframe import decisions

RESULTS = pathlib.Path(__file__).parent / "results" / "guarantees.csv"
POOL, CLASSES = 5_000, 50
CASES = [(n, accuracy) for n in (20, 100, 1_000) for accuracy in (0.8, 0.9, 0.95)]


def pool() -> tuple[kh.ClassTree, np.ndarray, np.ndarray]:
    """Tree, labels, and the probabilities of an over-confident, partly wrong model."""
    rng = np.random.default_rng(0)
    edges = [("root", f"order {i}") for i in range(4)]
    edges += [(f"order {i % 4}", f"family {i}") for i in range(12)]
    edges += [(f"family {k % 12}", f"species {k}") for k in range(CLASSES)]
    tree = kh.ClassTree(edges, [f"species {k}" for k in range(CLASSES)])
    near = rng.normal(size=(POOL, tree.num_nodes))
    logits = 2.0 * sum(near[:, tree.paths[:, level]] for level in range(1, tree.height + 1))
    truth = softmax(logits)
    labels = (truth.cumsum(axis=1) > rng.uniform(size=(POOL, 1))).argmax(axis=1)
    seen = 2 * (logits + 0.8 * rng.normal(size=logits.shape))
    return tree, labels, softmax(seen).astype(np.float32)


def softmax(z: np.ndarray) -> np.ndarray:
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def floor_split(tree, labels, p, held_out, new, accuracy) -> tuple[float, float]:
    """Share of right answers, and mean number of classes below them."""
    threshold = decisions.calibrate_threshold(labels[held_out], p[held_out], tree, accuracy)
    nodes = np.asarray(decisions.confidence_floor(p[new], tree, threshold))
    _, start, stop = tree.leaf_ranges
    return tree.ancestors[nodes, labels[new]].mean(), (stop - start)[nodes].mean()


def sets_split(tree, labels, p, held_out, new, accuracy, nodes) -> tuple[float, float]:
    """Share of sets that hold the label, and their mean number of classes."""
    threshold = decisions.calibrate_sets(
        labels[held_out], p[held_out], tree, 1 - accuracy, nodes=nodes
    )
    found = decisions.conformal_sets(p[new], tree, threshold)
    return found.contain(labels[new]).mean(), found.sizes.mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="50 splits; writes nothing")
    splits = 50 if parser.parse_args().quick else 1_000
    tree, labels, p = pool()
    top1 = (p.argmax(axis=1) == labels).mean()
    print(f"top-1 {top1:.3f}, mean confidence {p.max(axis=1).mean():.3f}")
    kinds = {"floor": floor_split}
    for r in (1, 3, 5):
        kinds[f"sets of {r}"] = lambda *split, r=r: sets_split(*split, nodes=r)
    rows = []
    for n, accuracy in CASES:
        found: dict[str, list] = {kind: [] for kind in kinds}
        for split in range(splits):
            order = np.random.default_rng(split).permutation(POOL)
            # New examples: 500 of the rest, drawn anew in every split.
            for kind, run in kinds.items():
                parts = order[:n], order[n : n + 500]
                found[kind].append(run(tree, labels, p, *parts, accuracy))
        for kind, values in found.items():
            shares, sizes = np.array(values).T
            rows.append(
                {
                    "kind": kind, "calibration": n, "promised": accuracy,
                    "found": round(float(shares.mean()), 4),
                    "error": round(float(shares.std(ddof=1)) / splits**0.5, 4),
                    "least": round(float(shares.min()), 4),
                    "most": round(float(shares.max()), 4),
                    "size": round(float(sizes.mean()), 2), "splits": splits,
                }
            )  # fmt: skip
            print(rows[-1], flush=True)
    if splits == 1_000:
        about = machine.about("keras", "numpy") | {"top1": round(float(top1), 4)}
        machine.write(RESULTS, [row | about for row in rows])


if __name__ == "__main__":
    main()
