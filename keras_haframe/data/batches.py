"""From single examples to batches, in an order that the seed and the epoch alone decide."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_haframe.data.crops import _tensorflow
from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.data.shares import Share, equal_part
from keras_haframe.tree_ops.values import Tensor

if TYPE_CHECKING:
    import tensorflow as tf


def training_steps(dataset: tf.data.Dataset, batch_size: int) -> int:
    """Batches of an epoch: the last images that do not fill one are left out.

    Raises:
        ValueError: If the size of `dataset` is unknown or smaller than a batch.
    """
    size = int(dataset.cardinality())
    if size < 0:
        raise ValueError(
            "`dataset` must know how many examples it has. After filter(), say it with "
            "dataset.apply(tf.data.experimental.assert_cardinality(n))."
        )
    if not 1 <= batch_size <= size:
        raise ValueError(
            f"`batch_size` must be from 1 to the number of examples, {size}. "
            f"Received: batch_size={batch_size}"
        )
    return size // batch_size


def training_batches(
    dataset: tf.data.Dataset,
    preprocessing: Preprocessing,
    batch_size: int,
    seed: int = 0,
    first_epoch: int = 0,
    epochs: int | None = None,
    shuffle_buffer: int | None = None,
    parallel: int | None = None,
    share: Share | None = None,
    first_step: int = 0,
) -> tf.data.Dataset:
    """Shuffled, augmented batches of epoch after epoch.

    The batches of epoch `e` are the same in every run with this seed, whether the run began at
    epoch 0 or was taken up again at `first_epoch=e`. Every epoch has `training_steps` batches.

    Args:
        dataset: `tf.data.Dataset` of single `(image, label)` pairs in a fixed order (from TFDS:
            `as_supervised=True`, `shuffle_files=False`). Images are uint8 `[h, w, 3]`, or still
            encoded (`decoders={"image": tfds.decode.SkipDecoding()}`), which takes far less memory
            in the shuffle buffer.
        preprocessing: How an image is changed and prepared.
        batch_size: Images of a batch over all replicas.
        seed: Seed of order and augmentation.
        first_epoch: Number of the first epoch.
        epochs: Number of epochs; `None` for no end, for
            `model.fit(batches, steps_per_epoch=training_steps(...), initial_epoch=first_epoch)`.
        shuffle_buffer: Examples to draw from; all by default up to 16,384.
        parallel: Images prepared at the same time; the number of CPU cores by default.
        share: `(index, count)`: give only this one of `count` equal parts of every batch. By
            default that of this process, of several that train together; all of it for `(0, 1)`.
        first_step: Batches of the first epoch to leave out, without preparing their images.

    Returns:
        `tf.data.Dataset` of `(float32 [b, size, size, 3], labels [b])` with `b = batch_size /
        count`.

    Raises:
        ValueError: If a batch does not fit the data or does not split evenly.

    Example:

    ```python
    train = tfds.load("cifar100", split="train", as_supervised=True, shuffle_files=False)
    batches = training_batches(train, cifar100.PREPROCESSING, 64, seed=0)
    model.fit(batches, steps_per_epoch=training_steps(train, 64), epochs=100)
    ```
    """
    tf = _tensorflow()
    steps = training_steps(dataset, batch_size)
    size = int(dataset.cardinality())
    buffer = shuffle_buffer or min(size, 16_384)
    part = equal_part(batch_size, share)

    def one_epoch(epoch: Tensor) -> Any:
        # Of this function's graph alone: the order shall not depend on a global seed.
        tf.compat.v1.set_random_seed(1)
        shuffled = dataset.enumerate().shuffle(
            buffer, seed=seed * 1_000_003 + epoch, reshuffle_each_iteration=False
        )
        taken = shuffled.take(steps * batch_size).enumerate()
        taken = taken.skip(tf.where(epoch == first_epoch, np.int64(first_step * batch_size), 0))
        mine = taken.filter(
            lambda i, _: (part.start <= i % batch_size) & (i % batch_size < part.stop)
        )
        return mine.map(lambda _, example: (epoch, *example))

    def prepare(epoch: Tensor, place: Tensor, pair: Any) -> Tensor:
        image, label = pair
        key = tf.random.experimental.stateless_fold_in(
            tf.stack([tf.cast(seed, tf.int64), epoch]), place
        )
        return preprocessing.train(
            image, tf.random.stateless_uniform([preprocessing.augmentation.numbers], key)
        ), label

    last = tf.int64.max if epochs is None else first_epoch + epochs
    data = tf.data.Dataset.range(first_epoch, last).flat_map(one_epoch)
    data = data.map(prepare, num_parallel_calls=parallel or os.cpu_count())
    data = data.batch(part.stop - part.start, drop_remainder=True)
    count = tf.data.INFINITE_CARDINALITY if epochs is None else steps * epochs - first_step
    return finished(data.apply(tf.data.experimental.assert_cardinality(count)))


def evaluation_batches(
    dataset: tf.data.Dataset,
    preprocessing: Preprocessing,
    batch_size: int,
    parallel: int | None = None,
) -> tf.data.Dataset:
    """Batches of all images in their order; the last one may be smaller.

    Args:
        dataset: As of `training_batches`.
        preprocessing: Its `evaluate` prepares the images.
        batch_size: Images per batch.
        parallel: As of `training_batches`.

    Returns:
        `tf.data.Dataset` of `(float32 [b, size, size, 3], labels [b])`.

    Example:

    ```python
    test = tfds.load("cifar100", split="test", as_supervised=True, shuffle_files=False)
    model.evaluate(evaluation_batches(test, cifar100.PREPROCESSING, 256))
    ```
    """
    data = dataset.map(
        lambda image, label: (preprocessing.evaluate(image), label),
        num_parallel_calls=parallel or os.cpu_count(),
    )
    return finished(data.batch(batch_size))


def finished(data: tf.data.Dataset) -> tf.data.Dataset:
    """Batches in a fixed order, made ahead of their use."""
    tf = _tensorflow()
    options = tf.data.Options()
    options.deterministic = True
    # Its background thread makes the end of short runs wait for seconds.
    options.autotune.enabled = False
    return data.prefetch(2).with_options(options)
