"""The embedded experiment: cross-entropy and HAFrame on `drawn_aircraft`, offline.

    python recipes/aircraft.py --demo       # about two minutes on two CPU cores

`drawn_aircraft` is a data set that the package draws itself: 36 variants in 15 families of 5
manufacturers. The demo trains cross-entropy and HAFrame in the same type II network under the same
budget, adds the CRM decision to both, prints the table, and writes to `--output`: results.csv, the
figures, the HAFrame model as `haframe.keras` and as a SavedModel, and a few test images with their
predicted path in the tree.
"""

import argparse
import pathlib
import sys
import time

import matplotlib

matplotlib.use("Agg")
import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from matplotlib import pyplot as plt

import keras_haframe as kh
import keras_haframe.data.builders  # registers drawn_aircraft
from keras_haframe import plots
from keras_haframe.data import drawn_aircraft
from keras_haframe.decisions import rescore
from keras_haframe.plots.gram import class_mean_cosines
from keras_haframe.training import Task, table

LEARNING_RATE, BATCH = 6e-3, 64
# The paper's gamma; a smaller alpha than its 0.5 suits the short training.
OPTIONS = {"haframe": {"gamma": 1.0, "alpha": 0.25}}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the task, shared with compare.py."""
    parser.add_argument("--data-dir", default=None, help="TFDS folder; default in runs/aircraft")
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--smoke", action="store_true", help="seconds, to see that all runs")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_arguments(parser)
    parser.add_argument("--demo", action="store_true", help="this experiment")
    parser.add_argument("--output", default="runs/aircraft", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def load(split: str, config: str, data_dir) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 `[n, 64, 64, 3]` and labels `[n]` of a split."""
    data = tfds.load(
        f"drawn_aircraft/{config}", split=split, data_dir=data_dir, as_supervised=True,
        batch_size=-1,
    )  # fmt: skip
    return tfds.as_numpy(data)


def training_batches(images, labels, seed: int) -> tf.data.Dataset:
    """Shuffled batches, each image mirrored and shifted at random by up to four pixels.

    The same batches for the same seed, also from parallel calls: randomness comes with the image.
    """

    def augment(example, key):
        image, label = example
        image = tf.image.stateless_random_flip_left_right(image, key)
        padded = tf.pad(image, [[4, 4], [4, 4], [0, 0]], "REFLECT")
        return tf.image.stateless_random_crop(padded, image.shape, key), label

    keys = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).batch(2)
    data = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images), seed=seed)
    data = tf.data.Dataset.zip(data, keys).map(augment, num_parallel_calls=2)
    return data.batch(BATCH, drop_remainder=True).prefetch(2)


def optimizer(examples: int, epochs: int) -> keras.optimizers.Optimizer:
    """AdamW with warm-up, where the paper has SGD.

    It gets a small network from scratch furthest in a minute.
    """
    steps = examples // BATCH
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * epochs, warmup_target=LEARNING_RATE, warmup_steps=steps
    )
    return keras.optimizers.AdamW(rate, weight_decay=5e-3)


def train(method: str, tree, data, args, **method_options):
    """One training run: the same network, budget and optimizer for every method."""
    keras.utils.set_random_seed(args.seed)
    images, labels = data["train"]
    backbone = kh.models.small_cnn(images.shape[1:])
    model = kh.build(backbone, tree, method, network="II", **method_options)
    model.compile(
        optimizer(len(labels), args.epochs),
    )
    print(f"\n{method}", flush=True)
    model.fit(
        training_batches(images, labels, args.seed),
        epochs=args.epochs,
        shuffle=False,  # the data are shuffled already
        verbose=1 if sys.stdout.isatty() else 2,
    )
    return model


def task(args) -> Task:
    """The demo's experiment, for compare.py."""
    folder = args.data_dir or "runs/aircraft/data"
    config = "tiny" if args.smoke else "standard"
    data = {split: load(split, config, folder) for split in ("train", "test")}
    images, labels = data["train"]
    return Task(
        name="drawn_aircraft",
        tree=drawn_aircraft.class_tree(),
        backbone=lambda: kh.models.small_cnn(images.shape[1:]),
        batches=lambda seed: training_batches(images, labels, seed),
        inputs=data["test"][0],
        labels=data["test"][1],
        optimizer=lambda model: optimizer(len(labels), args.epochs),
        epochs=args.epochs,
        settings={"rate": LEARNING_RATE, "batch": BATCH, "optimizer": "AdamW"},
    )


def figures(models, scores, data, tree, output: pathlib.Path) -> None:
    """Sample images, frame beside measured class means, and mistakes by LCA height."""
    images, labels = data["test"]
    first = [np.flatnonzero(labels == k)[0] for k in range(tree.num_classes)]
    names = [tree.leaves[k] for k in labels[first]]
    title = "drawn_aircraft: one per class"
    ax = plots.plot_images(images[first], names, columns=9, title=title)
    ax.figure.savefig(output / "samples.png", dpi=150)

    rows, _ = models["HAFrame"].classifier_weights()
    figure, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
    plots.plot_gram(rows @ rows.T, tree, title="frame (target)", ax=axes[0], colorbar=False)
    for ax, name in zip(axes[1:], ("HAFrame", "cross-entropy")):
        means = class_mean_cosines(models[name].features(images), labels, tree.num_classes)
        title = f"{name}: class means"
        plots.plot_gram(means, tree, title=title, ax=ax, colorbar=ax is axes[2])
    figure.savefig(output / "gram.png", dpi=150)

    best = {name: s.argmax(-1) for name, s in scores.items() if name in models}
    ax = plots.plot_mistakes_by_height(labels, best, tree, title="test mistakes by LCA height")
    ax.figure.savefig(output / "mistakes.png", dpi=150)

    show = np.random.default_rng(1).choice(len(labels), 12, replace=False)
    predicted = best["HAFrame"][show]
    paths = [[f"{'> ' * i}{n}" for i, n in enumerate(tree.path(p)[1:])] for p in predicted]
    captions = ["\n".join([f"is {tree.leaves[y]}", *path]) for y, path in zip(labels[show], paths)]
    title = "HAFrame: predicted path in the tree"
    ax = plots.plot_images(images[show], captions, columns=6, title=title)
    ax.figure.savefig(output / "predictions.png", dpi=150)


def main() -> None:
    args = options()
    started = time.time()
    args.output.mkdir(parents=True, exist_ok=True)
    config = "tiny" if args.smoke else "standard"
    args.epochs = min(args.epochs, 1) if args.smoke else args.epochs
    tree = drawn_aircraft.class_tree()
    print(tree, "\n")
    kh.diagnose(tree, OPTIONS["haframe"]["gamma"])
    folder = args.data_dir or args.output / "data"
    data = {split: load(split, config, folder) for split in ("train", "test")}
    print(f"\ndata ready after {time.time() - started:.0f} s")

    models = {
        "cross-entropy": train("cross_entropy", tree, data, args),
        "HAFrame": train("haframe", tree, data, args, **OPTIONS["haframe"]),
    }
    images, labels = data["test"]
    scores = {}
    for name, model in models.items():
        scores[name] = model.predict(images, batch_size=240, verbose=0)  # no last, smaller batch
        scores[f"{name} + CRM"] = rescore(scores[name], tree, "CRM")
    rows = {name: [kh.metrics.summary(labels, s, tree)] for name, s in scores.items()}
    print(f"\n{len(labels)} test images, seed {args.seed}\n\n{table.markdown(rows)}\n")
    table.write_csv(
        [{"method": n, "seed": args.seed, **r[0]} for n, r in rows.items()],
        args.output / "results.csv",
    )

    models["HAFrame"].save(args.output / "haframe.keras")
    served = kh.export(models["HAFrame"], args.output / "serving")
    figures(models, scores, data, tree, args.output)
    for label, best in list(zip(labels, scores["HAFrame"].argmax(-1)))[:5]:
        print(f"{tree.leaves[label]:>16}  predicted as  {' > '.join(tree.path(int(best))[1:])}")
    print(f"\nmodel, SavedModel ({served}) and figures in {args.output}")
    print(f"done in {time.time() - started:.0f} s")
