"""CIFAR-100 at a size that two cores can carry: heads on features of a frozen ImageNet MobileNet.

    python recipes/compare.py --dataset cifar100 --data-dir DIR --weights imagenet

`DIR` holds TFDS's `cifar100`; `--weights` is "imagenet", or a file for
`keras.applications.MobileNet(include_top=False)` on a machine without internet.

All 50,000 training and 10,000 test images, enlarged to 96 px, pass once through MobileNet, the
training images also mirrored; its average-pooled features (1,024) are the input of the heads. The
class tree is the papers' five-level one. This is not the papers' experiment, which trains a
WideResNet-28-8 from scratch: the features are fixed here and know ImageNet.
"""

import argparse
import sys

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from cifar100 import OPTIONS as OPTIONS

from keras_haframe.data import cifar100
from keras_haframe.training import Task, epoch_cosine, papers_sgd

SIZE, LEARNING_RATE, BATCH = 96, 0.05, 128


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the task, for compare.py."""
    parser.add_argument("--data-dir", default=None, help="TFDS folder with cifar100")
    parser.add_argument("--weights", default="imagenet", help="'imagenet' or a weights file")
    parser.add_argument("--epochs", type=int, default=15)


def load(split: str, data_dir: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 `[n, 32, 32, 3]` and labels `[n]`."""
    data = tfds.load("cifar100", split=split, data_dir=data_dir, as_supervised=True, batch_size=-1)
    return tfds.as_numpy(data)


def pooled_features(weights: str, *image_sets: np.ndarray) -> list[np.ndarray]:
    """Average-pooled MobileNet features float32 `[n, 1024]` of every set of images."""
    online = "imagenet" if weights == "imagenet" else None
    shape = (SIZE, SIZE, 3)
    net = keras.applications.MobileNet(include_top=False, weights=online, input_shape=shape)
    if not online:
        net.load_weights(weights)

    @tf.function
    def run(batch):
        batch = tf.image.resize(tf.cast(batch, tf.float32), (SIZE, SIZE), "bicubic")
        batch = tf.clip_by_value(batch / 127.5 - 1, -1, 1)
        return tf.reduce_mean(net(batch, training=False), axis=(1, 2))

    results = []
    for images in image_sets:
        progress = keras.utils.Progbar(
            len(images), verbose=1 if sys.stdout.isatty() else 2, unit_name="image"
        )
        parts = []
        for i in range(0, len(images), 250):
            parts.append(run(images[i : i + 250]).numpy())
            progress.add(len(parts[-1]))
        results.append(np.concatenate(parts))
    return results


class Batches(keras.utils.PyDataset):
    """Shuffled batches; every epoch draws the image or its mirror image."""

    def __init__(self, features: np.ndarray, labels: np.ndarray, seed: int):
        super().__init__()
        self.features, self.labels = features, labels
        self.generator = np.random.default_rng(seed)
        self.on_epoch_end()

    def on_epoch_end(self):
        self.order = self.generator.permutation(len(self.labels))
        self.mirrored = self.generator.integers(0, 2, len(self.labels))

    def __len__(self):
        return len(self.labels) // BATCH

    def __getitem__(self, i):
        rows = self.order[i * BATCH : (i + 1) * BATCH]
        return self.features[self.mirrored[rows], rows], self.labels[rows]


def task(args) -> Task:
    """The task: features, tree and budget."""
    images, labels = load("train", args.data_dir)
    test_images, test_labels = load("test", args.data_dir)
    print(f"MobileNet features of {len(images)} images, their mirror images and the test images")
    plain, mirrored, test = pooled_features(args.weights, images, images[:, :, ::-1], test_images)
    features = np.stack([plain, mirrored])

    def backbone():
        inputs = keras.Input(features.shape[2:])
        return keras.Model(inputs, keras.layers.Identity()(inputs), name="mobilenet_features")

    return Task(
        name="cifar100",
        tree=cifar100.class_tree(),
        backbone=backbone,
        batches=lambda seed: Batches(features, labels, seed),
        inputs=test,
        labels=test_labels,
        optimizer=lambda model: papers_sgd(model, LEARNING_RATE, backbone=1.0),
        epochs=args.epochs,
        callbacks=lambda: [epoch_cosine(LEARNING_RATE, args.epochs)],
        settings={"size": SIZE, "features": "MobileNet", "rate": LEARNING_RATE, "batch": BATCH},
    )
