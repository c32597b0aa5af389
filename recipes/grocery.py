"""Grocery Store photographs (Klasson et al., WACV 2019): 81 classes > 43 > 3, 2,640 to train on.

    python recipes/grocery.py --data-dir DIR --weights imagenet

`DIR` holds the photographs as a TFDS data set `grocery_store` with the features image, label,
coarse_label and top_label. `--weights` is "imagenet", or a file for
`keras.applications.MobileNet(include_top=False)` on a machine without internet.

Cross-entropy and HAFrame in the same type II network on an ImageNet MobileNet at 160 px, the same
budget, three seeds, the last epoch's weights, scored on the official test split. To fit in minutes
on two CPU cores, the network up to block 11 stays frozen: its activations are computed once, for
the photographs and for six augmented copies of each, and the last two blocks and the head train on
them. The scores of a finished run are kept in `--output` and it is not repeated.

Results, with spreads, machine and versions: docs/results.md.
"""

import argparse
import pathlib

import matplotlib

matplotlib.use("Agg")
import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

import keras_haframe as kh
from keras_haframe import plots
from keras_haframe.training import (
    Task,
    compare,
    epoch_cosine,
    grouped,
    kept_scores,
    papers_sgd,
    table,
)

SIZE, COPIES = 160, 6
LEARNING_RATE, BATCH = 0.05, 64
OPTIONS = {"haframe": {"gamma": 1.0, "alpha": 0.5}}
METHODS = {"cross-entropy": ("cross_entropy", {}), "HAFrame": ("haframe", OPTIONS["haframe"])}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the task, shared with compare.py."""
    parser.add_argument("--data-dir", required=True, help="TFDS folder with the data set")
    parser.add_argument("--weights", default="imagenet", help="'imagenet' or a weights file")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--cut", default="conv_pw_11_relu", help="last frozen layer of MobileNet")


def mobilenet(weights: str) -> keras.Model:
    """MobileNet without its top; images scaled to [-1, 1]."""
    online = "imagenet" if weights == "imagenet" else None
    net = keras.applications.MobileNet(
        include_top=False, weights=online, input_shape=(SIZE, SIZE, 3)
    )
    if not online:
        net.load_weights(weights)
    return net


def split_at(net: keras.Model, name: str) -> tuple[keras.Model, keras.Model]:
    """The network up to the layer `name`, and the rest of it."""
    names = [layer.name for layer in net.layers]
    stem = keras.Model(net.input, net.get_layer(name).output)
    inputs = keras.Input(stem.output.shape[1:])
    x = inputs
    for layer in net.layers[names.index(name) + 1 :]:
        x = layer(x)
    return stem, keras.Model(inputs, x, name="mobilenet_top")


def load(split: str, data_dir: str) -> tuple[np.ndarray, np.ndarray]:
    """Photographs uint8 `[n, SIZE, SIZE, 3]` (center square) and labels `[n, 3]`, fine to top."""

    def square(example):
        image = example["image"]
        side = tf.minimum(tf.shape(image)[0], tf.shape(image)[1])
        image = tf.image.resize_with_crop_or_pad(image, side, side)
        image = tf.cast(tf.image.resize(image, (SIZE, SIZE), antialias=True), tf.uint8)
        return image, tf.stack([example[k] for k in ("label", "coarse_label", "top_label")])

    data = tfds.load("grocery_store", split=split, data_dir=data_dir).map(square).batch(128)
    images, labels = zip(*tfds.as_numpy(data))
    return np.concatenate(images), np.concatenate(labels)


def activations(stem: keras.Model, images: np.ndarray, augment: bool, seed: int) -> np.ndarray:
    """Float16 outputs of the frozen part of the network, one pass over the images."""
    layers = keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal", seed=seed),
            keras.layers.RandomZoom((-0.3, 0.0), fill_mode="reflect", seed=seed),
            keras.layers.RandomTranslation(0.1, 0.1, fill_mode="reflect", seed=seed),
            keras.layers.RandomRotation(0.04, seed=seed),
            keras.layers.RandomBrightness(0.15, seed=seed),
            keras.layers.RandomContrast(0.2, seed=seed),
        ]
    )

    @tf.function
    def run(batch):
        batch = tf.cast(batch, tf.float32)
        batch = layers(batch, training=True) if augment else batch
        return tf.cast(stem(batch / 127.5 - 1, training=False), tf.float16)

    return np.concatenate([run(images[i : i + 66]) for i in range(0, len(images), 66)])


class Batches(keras.utils.PyDataset):
    """Shuffled batches; every epoch draws one of the copies of each photograph."""

    def __init__(self, copies: np.ndarray, labels: np.ndarray, seed: int):
        super().__init__()
        self.copies, self.labels = copies, labels
        self.generator = np.random.default_rng(seed)
        self.on_epoch_end()

    def on_epoch_end(self):
        self.order = self.generator.permutation(len(self.labels))
        self.copy = self.generator.integers(0, len(self.copies), len(self.labels))

    def __len__(self):
        return len(self.labels) // BATCH

    def __getitem__(self, i):
        rows = self.order[i * BATCH : (i + 1) * BATCH]
        return self.copies[self.copy[rows], rows].astype("float32"), self.labels[rows]


def task(args) -> Task:
    """The task: activations, tree, network and budget."""
    (images, labels), (test_images, test_labels) = (
        load(split, args.data_dir) for split in ("train", "test")
    )
    features = tfds.builder("grocery_store", data_dir=args.data_dir).info.features
    tree = kh.ClassTree.from_label_columns(
        np.concatenate([labels, test_labels]),
        names=[features[k].names for k in ("label", "coarse_label", "top_label")],
        name="grocery_store",
    )
    stem, _ = split_at(mobilenet(args.weights), args.cut)
    print(f"activations of {len(images)} photographs and {COPIES} augmented copies of each")
    plain = activations(stem, images, False, 0)
    copies = np.stack([plain, *(activations(stem, images, True, i) for i in range(COPIES))])
    return Task(
        name="grocery_store",
        tree=tree,
        backbone=lambda: split_at(mobilenet(args.weights), args.cut)[1],
        batches=lambda seed: Batches(copies, labels[:, 0], seed),
        inputs=activations(stem, test_images, False, 0).astype("float32"),
        labels=test_labels[:, 0],
        optimizer=lambda model: papers_sgd(model, LEARNING_RATE),
        epochs=args.epochs,
        callbacks=lambda: [epoch_cosine(LEARNING_RATE, args.epochs)],
        settings={"size": SIZE, "cut": args.cut, "copies": COPIES, "rate": LEARNING_RATE},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_arguments(parser)
    parser.add_argument("--output", default="runs/grocery_store", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()

    grocery = task(args)
    print(grocery.tree)
    kh.diagnose(grocery.tree, OPTIONS["haframe"]["gamma"])
    results = compare(grocery, METHODS, range(args.seeds), args.output, rules=("", "CRM"))
    rows = grouped(results) | grouped(results, "CRM")
    print(f"\n{len(grocery.labels)} test photographs\n\n{table.markdown(rows)}\n")
    table.write_csv(results, args.output / "results.csv")
    best = {name: kept_scores(args.output, name, 0).argmax(-1) for name in METHODS}
    title = "Grocery Store, test mistakes, seed 0"
    ax = plots.plot_mistakes_by_height(grocery.labels, best, grocery.tree, title=title)
    ax.figure.savefig(args.output / "mistakes.png", dpi=150)


if __name__ == "__main__":
    main()
