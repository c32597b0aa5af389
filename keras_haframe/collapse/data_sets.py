"""Measures of whole data sets, in any form Keras takes; test NC4 uses the training class means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras

from keras_haframe.collapse.measure import NeuralCollapse
from keras_haframe.tree_ops.values import Tensor, to_numpy

# Names in the results which exist only where classifier rows are known.
CLASSIFIER_MEASURES = (
    "nc3",
    "nc3_etf",
    "nc4",
    "nc4_macro",
    "duality",
    "alignment",
    "offset",
)


def check_dataset(dataset: Any, name: str, max_batches: int | None) -> Any:
    """Return the data set, if it can be read again and again to its end.

    Raises:
        ValueError: For one-shot iterators and generators, and for infinite data sets without
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


def _raw_batches(dataset: Any, batch_size: int) -> Iterator:
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


def batches(dataset: Any, batch_size: int = 128, max_batches: int | None = None) -> Iterator:
    """Yield `(inputs, labels)` with NumPy arrays as leaves.

    Args:
        dataset: See `check_dataset`. Batches are `(inputs, labels)`, `(inputs, labels, weights)`
            or dicts with `"images"` and `"labels"`.
        batch_size: Rows per batch where `dataset` is a tuple of arrays.
        max_batches: Stop after this many.

    Raises:
        ValueError: If a batch has no labels.
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


def _num_classes(num_classes: int | None, *known: Any) -> int:
    for rows in known:
        if num_classes is None and rows is not None and not callable(rows):
            num_classes = len(rows)
    if num_classes is None:
        raise ValueError(
            "`num_classes` is not known: pass it, a `target` matrix or a `classifier`."
        )
    return num_classes


def measure_splits(
    splits: Mapping[str, Callable],
    classifier: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    num_classes: int | None = None,
    keep_bytes: int = 2**27,
    **options: Any,
) -> dict[str, float]:
    """Measure several data sets, the first of which is the training data.

    Args:
        splits: Name -> callable giving an iterable over `(features [B, d], labels [B])`. It is
            called a second time for the training data if their features exceed `keep_bytes`.
        classifier: Optional `[K, d]` classifier rows.
        bias: Optional `[K]` classifier bias.
        num_classes: K; by default that of `classifier` or of a `target` matrix.
        keep_bytes: See `NeuralCollapse`; for the training data only.
        options: `target`, `mean`, `centered`, as in `NeuralCollapse`.

    Returns:
        All measures under `"{split}_{measure}"`. NC4 is relative to the training class means in
        every split; all else is relative to the split's own.

    Raises:
        ValueError: If a split gives no batch, or the number of classes is not known.

    Example:

    >>> batches = [([[1.0, 0.0], [0.0, 1.0]], [0, 1])]
    >>> values = measure_splits({"train": lambda: batches}, [[1.0, 0.0], [0.0, 1.0]])
    >>> values["train_nc1"], values["train_nc4"]
    (0.0, 0.0)
    """
    num_classes = _num_classes(num_classes, classifier, options.get("target"))
    values: dict[str, float] = {}
    train = None
    for name, split in splits.items():
        measure = None
        nc4 = train.nc4_pass() if train is not None and classifier is not None else None
        for features, labels in split():
            if measure is None:
                dim = len(features[0]) if not hasattr(features, "shape") else features.shape[-1]
                kept = keep_bytes if train is None else 0
                measure = NeuralCollapse(num_classes, dim, keep_bytes=kept, **options)
            measure.update(features, labels)
            if nc4 is not None:
                nc4.update_linear(features, labels, classifier=classifier, bias=bias)
        if measure is None:
            raise ValueError(f"The {name!r} data set has no batch: nothing to measure.")
        result = measure.result(classifier, bias)
        if classifier is not None and nc4 is None and "nc4" not in result:
            nc4 = measure.nc4_pass()
            for features, labels in split():
                nc4.update_linear(features, labels, classifier=classifier, bias=bias)
        result |= nc4.result() if nc4 is not None else {}
        train = train or measure
        values |= {f"{name}_{key}": value for key, value in result.items()}
    return values
