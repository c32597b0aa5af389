"""Grocery Store photographs (Klasson et al., WACV 2019): 81 classes > 43 > 3, 2,640 to train on.

    python recipes/grocery.py --data-dir DIR --weights imagenet
    python recipes/grocery.py --data-dir DIR --weights imagenet --smoke    # a minute

`DIR` holds the photographs as a TFDS data set `grocery_store` with the features image, label,
coarse_label and top_label. `--weights` is "imagenet", or a file for
`keras.applications.MobileNet(include_top=False)` on a machine without internet.

Cross-entropy and HAFrame in the same type II network on an ImageNet MobileNet at 160 px, the same
budget, three seeds, the last epoch's weights, scored on the official test split. To fit in minutes
on two CPU cores, the network up to block 11 stays frozen: its activations are computed once, for
the photographs and for six augmented copies of each, and the last two blocks and the head train on
them. Finished runs are kept in `--output` and not repeated.

Results, with spreads, machine and versions: docs/results.md.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

import matplotlib

matplotlib.use("Agg")
import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

import keras_haframe as kh
from keras_haframe import plots
from keras_haframe.data import ArrayBatches, Preprocessing
from keras_haframe.files import whole
from keras_haframe.results import read_scores, run_folder
from keras_haframe.results.table import by_method, markdown
from keras_haframe.training import (
    Experiment,
    RunSettings,
    compare,
    epoch_cosine,
    papers_sgd,
    parse,
    place,
)
from keras_haframe.training.distribution import is_first

SIZE, COPIES = 160, 6
LEVELS = ("label", "coarse_label", "top_label")  # features of the data set, fine to top
PREPROCESSING = Preprocessing((SIZE, SIZE), "crop", antialias=True, input_range=(-1.0, 1.0))
OPTIONS = {"haframe": {"gamma": 1.0, "alpha": 0.5}}
ROWS = {"cross-entropy": ("cross_entropy", {}), "HAFrame": ("haframe", OPTIONS["haframe"])}


@dataclasses.dataclass
class Settings(RunSettings):
    """Settings of the experiment."""

    data_dir: str | None = place(None)  # TFDS folder with the data set
    weights: str = place("imagenet")  # 'imagenet' or a weights file
    epochs: int = 8  # epochs
    learning_rate: float = 0.05  # learning rate
    seeds: int = place(3)  # number of seeds
    cut: str = "conv_pw_11_relu"  # last frozen layer of MobileNet
    output: str = place("runs/grocery_store")  # folder where runs are kept


def mobilenet(weights: str, size: int = SIZE) -> keras.Model:
    """MobileNet without its top, for images in -1 to 1, as `PREPROCESSING` makes them."""
    online = "imagenet" if weights == "imagenet" else None
    net = keras.applications.MobileNet(
        include_top=False, weights=online, input_shape=(size, size, 3)
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
        image = tf.cast(PREPROCESSING.resized(example["image"]), tf.uint8)
        return image, tf.stack([example[k] for k in LEVELS])

    data = tfds.load("grocery_store", split=split, data_dir=data_dir).map(square).batch(128)
    images, labels = zip(*tfds.as_numpy(data))
    return np.concatenate(images), np.concatenate(labels)


def class_tree(labels: np.ndarray, data_dir: str) -> kh.ClassTree:
    """The tree of labels `[n, 3]`, with the data set's names."""
    features = tfds.builder("grocery_store", data_dir=data_dir).info.features
    names = [features[key].names for key in LEVELS]
    return kh.ClassTree.from_label_columns(labels, names=names, name="grocery_store")


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

    def run(batch: np.ndarray) -> np.ndarray:
        batch = batch.astype("float32")
        if augment:
            batch = keras.ops.convert_to_numpy(layers(batch, training=True))
        return stem.predict_on_batch(PREPROCESSING.scale(batch)).astype("float16")

    return np.concatenate([run(images[i : i + 66]) for i in range(0, len(images), 66)])


def experiment(settings: Settings, network: str = "II") -> Experiment:
    """Activations, tree, network and budget, shared with compare.py."""
    (images, labels), (test_images, test_labels) = (
        load(split, settings.data_dir) for split in ("train", "test")
    )
    tree = class_tree(np.concatenate([labels, test_labels]), settings.data_dir)
    if settings.smoke:
        images, labels, test_images, test_labels = (
            part[::30] for part in (images, labels, test_images, test_labels)
        )
    stem, _ = split_at(mobilenet(settings.weights), settings.cut)
    print(f"activations of {len(images)} photographs and {COPIES} augmented copies of each")
    plain = activations(stem, images, False, 0)
    copies = np.stack([plain, *(activations(stem, images, True, i) for i in range(COPIES))])

    def make_model(method: str, options: dict, synchronized: bool) -> keras.Model:
        top = split_at(mobilenet(settings.weights), settings.cut)[1]
        model = kh.build(top, tree, method, network=network, synchronized=synchronized, **options)
        model.compile(papers_sgd(model, settings.learning_rate))
        return model

    return Experiment(
        tree, make_model,
        lambda seed: ArrayBatches(
            copies, labels[:, 0], settings.batch_size, seed,
            lambda _, batch: batch.astype("float32"), variants=True,
        ).from_epoch,
        (activations(stem, test_images, False, 0).astype("float32"), test_labels[:, 0]),
        settings.epochs, batch_size=settings.batch_size,
        callbacks=lambda: [epoch_cosine(settings.learning_rate, settings.epochs)],
        settings={**settings.defining(), "network": network, "size": SIZE, "copies": COPIES},
    )  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """Train both rows, print the table, draw where the mistakes fall."""
    settings = parse(Settings, __doc__, argv)
    if settings.smoke:
        settings = dataclasses.replace(settings, epochs=1, seeds=1)
    settings.start()
    grocery = experiment(settings)
    print(grocery.tree)
    kh.diagnose(grocery.tree, OPTIONS["haframe"]["gamma"])
    seeds = range(settings.seed, settings.seed + settings.seeds)
    results = compare(
        grocery, ROWS, seeds, settings.output, rules=("", "CRM"), **settings.running()
    )
    if results is None or not is_first():
        return
    labels = grocery.test[1]
    print(f"\n{len(labels)} test photographs\n\n{markdown(by_method(results))}\n")
    output = pathlib.Path(settings.output)
    k = grocery.tree.num_classes
    scores = {row: read_scores(run_folder(output, row, seeds[0]), k)[0] for row in ROWS}
    title = f"Grocery Store, test mistakes, seed {seeds[0]}"
    ax = plots.plot_mistakes_by_height(labels, scores, grocery.tree, title=title)
    with whole(output / "mistakes.png") as partial:
        ax.figure.savefig(partial, dpi=150)


if __name__ == "__main__":
    main()
