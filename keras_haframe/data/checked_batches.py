"""Labels of streamed data, checked as each batch is drawn, on every backend."""

from __future__ import annotations

import types
from typing import Any

import keras
import numpy as np

from keras_haframe.tree_ops.checks import check_labels


def checked(data: Any, num_classes: int, source: str) -> Any:
    """Return data that raises at the batch whose labels are out of range.

    Compiled steps cannot: TensorFlow's message names no cause, JAX takes the nearest class or NaN,
    and -1 counts from the end. A look at `[B]` integers on the host costs microseconds.

    Args:
        data: A `tf.data.Dataset`, a `keras.utils.PyDataset` or a generator of batches
            `(inputs, labels)` or `(inputs, labels, weights)`; anything else is returned as it is.
        num_classes: K.
        source: What the error calls the data.
    """
    if isinstance(data, keras.utils.PyDataset):
        return CheckedBatches(data, num_classes, source)
    if isinstance(data, types.GeneratorType):
        return (_checked_batch(batch, num_classes, source) for batch in data)
    if type(data).__module__.startswith("tensorflow") and hasattr(data, "element_spec"):
        return _checked_dataset(data, num_classes, source)
    return data


class CheckedBatches(keras.utils.PyDataset):
    """A `PyDataset` as it is, its labels checked."""

    def __init__(self, data: keras.utils.PyDataset, num_classes: int, source: str) -> None:
        super().__init__(data.workers, data.use_multiprocessing, data.max_queue_size)
        self.data, self.num_classes, self.source = data, num_classes, source

    @property
    def num_batches(self) -> int | None:
        return self.data.num_batches

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> Any:
        return _checked_batch(self.data[index], self.num_classes, self.source)

    def on_epoch_begin(self) -> None:
        self.data.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.data.on_epoch_end()


def _checked_batch(batch: Any, num_classes: int, source: str) -> Any:
    if isinstance(batch, (tuple, list)) and len(batch) > 1:
        labels = batch[1]
        if not isinstance(labels, np.ndarray):
            labels = keras.ops.convert_to_numpy(labels)
        check_labels(labels, num_classes, source=source)
    return batch


def _checked_dataset(data: Any, num_classes: int, source: str) -> Any:
    import tensorflow as tf

    spec = data.element_spec
    labels = spec[1] if isinstance(spec, tuple) and len(spec) > 1 else None
    if not isinstance(data, tf.data.Dataset) or not getattr(labels, "dtype", tf.string).is_integer:
        return data

    def check(x: Any, y: Any, *weights: Any) -> tuple:
        inside = tf.reduce_all((y >= 0) & (y < tf.cast(num_classes, y.dtype)))
        text = f"Labels must be from 0 to {num_classes - 1} in {source}. Received:"
        tf.debugging.Assert(inside, [text, tf.reduce_min(y), "to", tf.reduce_max(y)])
        return (x, y, *weights)

    return data.map(check)
