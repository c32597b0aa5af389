"""One reader for the data sets Keras takes: every pass gives `(inputs, labels)` batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import keras

from keras_haframe.collapse.inputs import to_numpy


def check_dataset(dataset, name: str, max_batches: int | None):
    """The data set, if it can be read again and again to its end.

    Raises:
        ValueError: for one-shot iterators and generators, and for infinite data sets without
            `max_batches`.
    """
    if isinstance(dataset, Iterator) or not (
        hasattr(dataset, "__iter__") or hasattr(dataset, "__getitem__")
    ):
        raise ValueError(
            f"`{name}` is read once per measurement, so it must be a tf.data.Dataset, a "
            "keras.utils.PyDataset, a list of batches or a tuple (inputs, labels) of arrays. "
            f"Received: {type(dataset)}. Wrap a generator in one of these."
        )
    cardinality = getattr(dataset, "cardinality", None)
    infinite = callable(cardinality) and int(cardinality()) == -1
    if isinstance(dataset, keras.utils.PyDataset):
        infinite = dataset.num_batches is None
    if infinite and max_batches is None:
        raise ValueError(
            f"`{name}` is infinite. Pass it without `.repeat()`, or pass `max_batches`."
        )
    return dataset


def _raw_batches(dataset, batch_size: int) -> Iterator:
    if isinstance(dataset, tuple):  # whole arrays
        inputs, labels = dataset[:2]
        for start in range(0, len(labels), batch_size):
            rows = slice(start, start + batch_size)
            yield (
                keras.tree.map_structure(lambda array, rows=rows: array[rows], inputs),
                labels[rows],
            )
    elif isinstance(dataset, keras.utils.PyDataset):
        # Indexed, since iterating over a Sequence-like object without a length never ends.
        count, index = dataset.num_batches, 0
        while count is None or index < count:
            yield dataset[index]
            index += 1
    else:
        yield from dataset


def batches(dataset, batch_size: int = 128, max_batches: int | None = None) -> Iterator:
    """Yields `(inputs, labels)` with NumPy arrays as leaves.

    Args:
        dataset: see `check_dataset`. Batches are `(inputs, labels)`, `(inputs, labels, weights)`
            or dicts with `"images"` and `"labels"`.
        batch_size: rows per batch where `dataset` is a tuple of arrays.
        max_batches: stop after this many.

    Raises:
        ValueError: if a batch has no labels.
    """
    for index, batch in enumerate(_raw_batches(dataset, batch_size)):
        if max_batches is not None and index >= max_batches:
            return
        if isinstance(batch, Mapping) and {"images", "labels"} <= set(batch):
            inputs, labels = batch["images"], batch["labels"]
        elif isinstance(batch, (tuple, list)) and len(batch) in (2, 3):
            inputs, labels = batch[:2]
        else:
            raise ValueError(
                "A batch must be (inputs, labels), (inputs, labels, weights) or a dict with "
                f"'images' and 'labels'. Received: {type(batch)}."
            )
        inputs = keras.tree.map_structure(lambda array: to_numpy(array, "inputs"), inputs)
        yield inputs, to_numpy(labels, "labels")
