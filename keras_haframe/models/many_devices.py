"""Evaluation and prediction on several JAX devices, whose last batch need not split evenly."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_haframe.data.shares import equal_part, process
from keras_haframe.models.checks import is_array


def parts() -> int:
    """Return the number of parts into which `keras.distribution` splits a batch; 1 without one."""
    if keras.backend.backend() != "jax":
        return 1
    current = keras.distribution.distribution()
    if current is None:
        return 1
    return int(getattr(current, "data_parts", current.num_model_replicas))


def check_arrays(x: Any, y: Any, batch_size: int | None) -> None:
    """Raise unless the batches that `fit` makes of arrays split over devices and processes."""
    count = parts()
    if count == 1 or y is None:
        return
    rows, size = len(keras.tree.flatten(x)[0]), batch_size or 32
    if size % count or rows % size % count or process()[1] > 1:
        raise ValueError(
            f"Batches must split evenly over {count} devices, and over processes. Give `fit` whole "
            f"ones: data.ArrayBatches(images, labels, {-(-size // count) * count}). Received: "
            f"{rows} examples in batches of {size}"
        )


def evaluate(
    model: keras.Model,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    verbose: Any = "auto",
    sample_weight: Any = None,
    steps: int | None = None,
    callbacks: Any = None,
    return_dict: bool = False,
    **kwargs: Any,
) -> Any:
    """Evaluate as `keras.Model.evaluate` does, every example exactly once.

    A batch that splits evenly is split over the devices; one that does not, the last, is given to
    all of them whole. (Keras takes the layout of the first batch for all and fails.) All processes
    are given the same data, and each takes its part of a batch. There is no progress bar.

    Args:
        model: A compiled model; its `reset_metrics` does nothing while `keeps_metrics` is set.
        x: As of `evaluate`, as are those that follow.
        y: Labels of arrays.
        batch_size: Of arrays; one that does not split evenly is enlarged.
        verbose: Not looked at.
        sample_weight: Weights of arrays.
        steps: Batches to read at most.
        callbacks: Callbacks.
        return_dict: Whether to return a dictionary.
        **kwargs: Not looked at.
    """
    count = parts()
    if not isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = keras.callbacks.CallbackList(callbacks, model=model)
    callbacks.on_test_begin()
    model.reset_metrics()
    result, step = None, -1
    model.keeps_metrics = True
    try:
        for step, batch in enumerate(_batches(x, y, sample_weight, batch_size, steps, count)):
            callbacks.on_test_batch_begin(step)
            rows = len(batch[1])
            if rows % count:
                layout: Any = _repeated()
            else:
                part, layout = equal_part(rows), contextlib.nullcontext()
                batch = keras.tree.map_structure(lambda leaf, part=part: leaf[part], batch)
            with layout:
                result = keras.Model.test_on_batch(model, *batch)
            callbacks.on_test_batch_end(step)
    finally:
        model.keeps_metrics = False
    if step < 0:
        raise ValueError("There is nothing to evaluate: the data give no batch.")
    logs = {name: float(value) for name, value in model.get_metrics_result().items()}
    callbacks.on_test_end(logs)
    return logs if return_dict else result


def predict(
    model: keras.Model,
    x: Any,
    batch_size: int | None = None,
    verbose: Any = "auto",
    steps: int | None = None,
    callbacks: Any = None,
) -> Any:
    """Predict as `keras.Model.predict` does, which does it where there is one device.

    On several the last batch is filled up, and its outputs are cut off again.

    Raises:
        ValueError: In one of several processes, which hold a part of the outputs each.
    """
    count = parts()
    if count == 1:
        return keras.Model.predict(model, x, batch_size, verbose, steps, callbacks)
    if process()[1] > 1:
        raise ValueError(
            "Of several processes none holds all outputs. Predict in one of them, with a model of "
            "its own: with training.distribution.alone(): model = make_model(); ..."
        )
    outputs = []
    for batch in _batches(x, None, None, batch_size, steps, count):
        images = batch[0] if isinstance(batch, (tuple, list)) else batch
        rows = len(keras.tree.flatten(images)[0])
        full = np.minimum(np.arange(-(-rows // count) * count), rows - 1)
        images = keras.tree.map_structure(lambda leaf, full=full: leaf[full], images)
        found = keras.Model.predict(
            model, images, batch_size=len(full), verbose=0, callbacks=callbacks
        )
        outputs.append(
            keras.tree.map_structure(lambda leaf, rows=rows: np.asarray(leaf)[:rows], found)
        )
    return keras.tree.map_structure(lambda *leaves: np.concatenate(leaves), *outputs)


def _batches(
    x: Any, y: Any, weights: Any, batch_size: int | None, steps: int | None, count: int
) -> Iterator[Any]:
    """Yield batches of NumPy arrays, of arrays as `(x, y, weights)`."""
    if isinstance(x, keras.utils.PyDataset):
        stream: Any = (x[i] for i in range(steps or x.num_batches))
    elif y is not None or is_array(x):
        size = -(-(batch_size or 32) // count) * count
        arrays = tuple(a for a in (x, y, weights) if a is not None)
        rows = len(keras.tree.flatten(x)[0])
        stream = (
            keras.tree.map_structure(lambda a, i=i: a[i : i + size], arrays)
            for i in range(0, rows, size)
        )
    else:
        stream = iter(x)
    for batch in itertools.islice(stream, steps):
        yield keras.tree.map_structure(np.asarray, batch)


@contextlib.contextmanager
def _repeated() -> Iterator[None]:
    """Give every device all of a batch inside this block."""
    current = keras.distribution.distribution()
    keras.distribution.set_distribution(
        _Repeated(
            layout_map=keras.distribution.LayoutMap(current.device_mesh),
            batch_dim_name=current.batch_dim_name,
            auto_shard_dataset=False,
        )
    )
    try:
        yield
    finally:
        keras.distribution.set_distribution(current)


class _Repeated(keras.distribution.ModelParallel):  # on a mesh of any form
    """A distribution that does not split data."""

    def get_data_layout(self, data_shape: Any) -> Any:
        return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)
