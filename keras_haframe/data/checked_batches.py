"""Streamed data, checked as each batch is drawn, on every backend."""

from __future__ import annotations

import contextlib
import copy
import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import keras

from keras_haframe.tree_ops.checks import check_labels, check_weights

ASSERTED = ("Labels must be from", "Sample weights must be", "There must be one")


def checked(data: Any, check: Callable[[Any], None], num_classes: int, source: str) -> Any:
    """Return data that raises at the batch that is wrong.

    Compiled steps cannot: TensorFlow's message names no cause, JAX takes the nearest class or NaN,
    and -1 counts from the end. A look at `[B]` integers on the host costs microseconds.

    Args:
        data: A `tf.data.Dataset`, a `keras.utils.PyDataset`, a torch `DataLoader` or a generator
            of batches `(inputs, labels)` or `(inputs, labels, weights)`; anything else is returned
            as it is.
        check: Function that raises for a wrong batch (`check_batch`).
        num_classes: K.
        source: What the error calls the data.
    """
    if type(data).__module__.startswith("tensorflow") and hasattr(data, "element_spec"):
        return _checked_dataset(data, num_classes, source)
    return checked_inputs(data, check)


def checked_inputs(data: Any, check: Callable[[Any], None]) -> Any:
    """Return data as `checked` does, but for a `tf.data.Dataset`, which cannot call `check`."""
    if isinstance(data, keras.utils.PyDataset):
        return CheckedBatches(data, check)
    if isinstance(data, types.GeneratorType):
        return (_passed(batch, check) for batch in data)
    if hasattr(data, "batch_sampler") and hasattr(data, "collate_fn"):
        data = copy.copy(data)
        data.collate_fn = functools.partial(_collated, data.collate_fn, check)
    return data


class CheckedBatches(keras.utils.PyDataset):
    """A `PyDataset` as it is, its batches checked."""

    def __init__(self, data: keras.utils.PyDataset, check: Callable[[Any], None]) -> None:
        super().__init__(data.workers, data.use_multiprocessing, data.max_queue_size)
        self.data, self.check = data, check

    @property
    def num_batches(self) -> int | None:
        return self.data.num_batches

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> Any:
        return _passed(self.data[index], self.check)

    def on_epoch_begin(self) -> None:
        self.data.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.data.on_epoch_end()


def check_targets(
    batch: Any, num_classes: int, source: str, count: int | None = None, columns: int = 1
) -> None:
    """Raise for wrong labels or sample weights of a batch.

    Args:
        batch: `(inputs, labels)` or `(inputs, labels, weights)`; anything else is not looked at.
        num_classes: K.
        source: What the error calls the data.
        count: Number of examples, if known.
        columns: Weights an example may have.
    """
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        return
    labels = check_labels(batch[1], num_classes, count, source)
    if len(batch) > 2 and batch[2] is not None:
        check_weights(batch[2], len(labels), source, columns)


@contextlib.contextmanager
def told(model: keras.Model) -> Iterator[None]:
    """Raise what a check inside a `tf.data` pipeline found as a `ValueError`.

    On JAX, Keras holds the variables of a model elsewhere in an epoch and leaves it without them
    when a batch raises: they are put back.
    """
    try:
        yield
    except Exception as error:
        if hasattr(model, "jax_state_sync"):
            model.jax_state_sync()
        text = str(error)
        found = min((text.find(a) for a in ASSERTED if a in text), default=-1)
        if type(error).__name__ != "InvalidArgumentError" or found < 0:
            raise
        raise ValueError(text[found:].split("\n\t")[0].split("\n")[0]) from None


def _passed(batch: Any, check: Callable[[Any], None]) -> Any:
    """Return a batch that passes; weights `[n, 1]` as `[n]`, for Keras traces one rank."""
    check(batch)
    if not isinstance(batch, (tuple, list)) or len(batch) != 3:
        return batch
    parts = list(batch)
    return parts[0], parts[1], flat_weights(parts[2])


def flat_weights(weights: Any) -> Any:
    """Weights `[n, 1]` as `[n]`, anything else as it is."""
    shape: Any = getattr(weights, "shape", ())
    return weights[:, 0] if len(shape) == 2 and shape[1] == 1 else weights


def _collated(collate: Callable, check: Callable[[Any], None], items: Any) -> Any:
    return _passed(collate(items), check)


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
        rows = [tf.shape(leaf)[0] for leaf in tf.nest.flatten((x, weights)) if leaf.shape.rank]
        same = tf.reduce_all([tf.shape(y)[0] == n for n in rows]) if y.shape.rank else True
        text = f"There must be one label and weight per example in {source}. Received:"
        tf.debugging.Assert(same, [text, tf.shape(y), "labels,", *rows])
        for w in tf.nest.flatten(weights):
            if w.dtype.is_floating:
                fine = tf.reduce_all((w >= 0) & (w < w.dtype.max))
                text = f"Sample weights must be finite and not negative in {source}. Received:"
                tf.debugging.Assert(fine, [text, tf.reduce_min(w), "to", tf.reduce_max(w)])
        return (x, y, *map(flat_weights, weights))

    return data.map(check)
