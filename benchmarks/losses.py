"""Time of a training step of every loss against plain cross-entropy, over the number of classes.

One step is: head and loss forward, gradients with respect to the features and the head's weights.
The features (batch 256, K wide, as in a type II network; Hier-COS N - 1) are given, so backbone and
optimizer are left out, which makes every difference look as large as it can. Cross-entropy is the
reference: its head is a learnable linear layer on the same features. Each method is timed in turn
with the reference, round by round, so that both meet the same load; the ratio is the median over
rounds of the ratio within a round. `loop` rows are HAFrame's cosine loss written class by class, as
in the papers' code style, for scale.

    python benchmarks/losses.py             # writes benchmarks/results/losses.csv
    python benchmarks/losses.py --quick     # K = 100 only; writes nothing

At 10,000 classes HAFrame's rows are those of the structured frame: the dense one takes minutes to
build, by an eigendecomposition, and has 100 million numbers.
"""

from __future__ import annotations

import argparse
import os
import pathlib
from statistics import median

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import machine
import numpy as np
import tensorflow as tf

import keras_haframe as kh

RESULTS = pathlib.Path(__file__).parent / "results" / "losses.csv"
SIZES, BATCH = (100, 1_010, 10_000), 256


def make_tree(classes: int) -> kh.ClassTree:
    """About ten children per node, all classes equally deep."""
    nodes, edges, level = [f"class {i}" for i in range(classes)], [], 0
    while len(nodes) > 1:
        parents = -(-len(nodes) // 10)
        edges += [(f"{level}: {i * parents // len(nodes)}", node) for i, node in enumerate(nodes)]
        nodes = [f"{level}: {i}" for i in range(parents)]
        level += 1
    return kh.ClassTree(edges)


def step_of(method: str, tree: kh.ClassTree, **options):
    """A compiled function that runs head, loss and gradients on fixed features."""
    made = kh.methods.get(method, tree, **options)
    width = made.units
    inputs = keras.Input((width,))
    head = keras.Model(inputs, made.head(inputs, kh.methods.head_norm))
    loss = made.loss
    rng = np.random.default_rng(0)
    features = tf.constant(rng.standard_normal((BATCH, width)), tf.float32)
    labels = tf.constant(rng.integers(0, tree.num_classes, BATCH), tf.int32)

    @tf.function(jit_compile=False)
    def step(features, labels):
        with tf.GradientTape() as tape:
            tape.watch(features)
            value = loss(labels, head(features, training=True))
        return value, tape.gradient(value, [features, *head.trainable_variables])

    return lambda: step(features, labels)[0].numpy()


def class_by_class(tree: kh.ClassTree):
    """HAFrame's cosine loss with a loop over classes, eagerly, beside cross-entropy."""
    made = kh.methods.get("haframe", tree)
    inputs = keras.Input((made.units,))
    head = keras.Model(inputs, made.head(inputs, kh.methods.head_norm))
    frame = tf.transpose(head.get_layer("classifier").kernel.value)
    s_min = kh.frames.min_similarity(tree, 1.0, "grid")
    target = tf.constant(kh.frames.similarity(tree.distances(), 1.0, s_min), tf.float32)
    rng = np.random.default_rng(0)
    features = tf.constant(rng.standard_normal((BATCH, made.units)), tf.float32)
    labels = tf.constant(rng.integers(0, tree.num_classes, BATCH), tf.int32)

    def step():
        with tf.GradientTape() as tape:
            tape.watch(features)
            logits = features @ tf.transpose(frame)
            value = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            )
            norms = tf.norm(features, axis=1)
            for k in range(tree.num_classes):
                cosines = tf.linalg.matvec(features, frame[k]) / norms
                value += tf.reduce_mean(tf.square(cosines - tf.gather(target[k], labels)))
        return tape.gradient(value, features)[0, 0].numpy()

    return step


def cases(tree: kh.ClassTree):
    """Name and step of every row."""
    dense = tree.num_classes <= 1_010
    for method in kh.methods.names():
        if dense or not method.startswith("haframe"):
            yield method, lambda method=method: step_of(method, tree)
        else:
            yield f"{method}, structured", lambda m=method: step_of(m, tree, frame="structured")
    if dense:
        yield "haframe, structured", lambda: step_of("haframe", tree, frame="structured")
        yield "haframe, loop over classes", lambda: class_by_class(tree)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="K = 100; writes nothing")
    parser.add_argument("--methods", nargs="*", default=None, help="only these")
    args = parser.parse_args()
    rows = []
    print(f"{'K':>6}  {'row':<28} {'ms':>9} {'cross-entropy ms':>17} {'ratio':>7}")
    for classes in SIZES[:1] if args.quick else SIZES:
        tree = make_tree(classes)
        rounds = 200 if classes <= 1_010 else 7
        reference = step_of("cross_entropy", tree)
        for name, make in cases(tree):
            if args.methods and name.split(",")[0] not in args.methods:
                continue
            step = make()
            n = 3 if "loop" in name else rounds
            times = machine.interleave({"mine": step, "theirs": reference}, n)
            mine, theirs = (median(t.wall) for t in times.values())
            ratio = machine.ratio(times["mine"].wall, times["theirs"].wall)
            rows.append(
                {
                    "classes": classes, "row": name, "ms": round(1e3 * mine, 3),
                    "cross_entropy_ms": round(1e3 * theirs, 3), "ratio": round(ratio, 3),
                    "load": round(os.getloadavg()[0], 1),
                }
            )  # fmt: skip
            print(
                f"{classes:>6}  {name:<28} {1e3 * mine:>9.3f} {1e3 * theirs:>17.3f} {ratio:>7.2f}",
                flush=True,
            )
            keras.backend.clear_session()
    if args.quick or args.methods:
        return
    about = machine.about("keras", "numpy") | {"tensorflow": tf.__version__, "batch": BATCH}
    machine.write(RESULTS, [row | about for row in rows])


if __name__ == "__main__":
    main()
