"""Tiny networks without a classifier, and images to train them on."""

import keras
import numpy as np


def backbone() -> keras.Model:
    """Feature maps of 6 x 6 images."""
    images = keras.Input((6, 6, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(images)
    return keras.Model(images, x, name="tiny")


def sequential(pooled: bool = False) -> keras.Model:
    """Feature maps of 12 x 12 images, or their means."""
    layers = [keras.Input((12, 12, 3)), keras.layers.Conv2D(6, 3, activation="relu")]
    if pooled:
        layers.append(keras.layers.GlobalAveragePooling2D())
    return keras.Sequential(layers, name="tiny")


def normalized() -> keras.Model:
    """Feature maps of 6 x 6 images with a batch normalization, "own"."""
    layers = [keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(name="own")]
    return keras.Sequential([keras.Input((6, 6, 3)), *layers])


def train(
    model: keras.Model, images: np.ndarray, labels: np.ndarray, epochs: int
) -> tuple[float, float]:
    """Train in batches of 16; the loss of the first and of the last epoch.

    Those between are one epoch over repeated arrays: Keras takes as long to begin an epoch as a
    tiny network for a dozen steps.
    """
    losses = []
    for times in (1, epochs - 2, 1):
        x, y = np.concatenate([images] * times), np.concatenate([labels] * times)
        losses += model.fit(x, y, batch_size=16, verbose=0).history["loss"]
    return losses[0], losses[-1]


def data(tree, per_class: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images with a pattern per class and a little noise, in random order."""
    rng = np.random.default_rng(seed)
    patterns = rng.standard_normal((tree.num_classes, 6, 6, 3))
    labels = rng.permutation(np.repeat(np.arange(tree.num_classes), per_class))
    noise = 0.1 * rng.standard_normal((len(labels), 6, 6, 3))
    return (patterns[labels] + noise).astype("float32"), labels.astype("int32")
