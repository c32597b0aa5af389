"""Several devices: `tf.distribute.MirroredStrategy` on one machine, JAX processes past it."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import keras

from keras_haframe.data.shares import process
from keras_haframe.training.model_parallel import class_parallel


@contextlib.contextmanager
def all_devices(
    batch_size: int | None = None, devices: list[str] | None = None, model_shards: int = 1
) -> Iterator[int]:
    """Make and train models inside this block on all accelerators, on JAX of all processes.

    On TensorFlow a `MirroredStrategy` over all GPUs where there are several; on JAX
    `keras.distribution.DataParallel` over all devices where there are several, or `ModelParallel`
    with `model_shards`. One device, or PyTorch, needs nothing. The batch of `fit` is the global
    one, split over the devices. Give models `synchronized=True` so that batch normalization sees
    the global batch.

    Args:
        batch_size: Global batch, checked: every device must get the same share.
        devices: TensorFlow device names, such as `["GPU:0", "GPU:1"]`; all GPUs by default.
        model_shards: Devices over which the class side of a model is split, on JAX alone; see
            `model_parallel.class_parallel`.

    Yields:
        The number of devices.

    Raises:
        ValueError: If the batch does not split evenly, or there are no such devices.

    Example:

    ```python
    with all_devices(batch_size=64) as count:
        model = build(backbone, tree, synchronized=count > 1)
        model.fit(images, labels, batch_size=64)
    ```
    """
    backend = keras.backend.backend()
    if model_shards != 1 and backend != "jax":
        raise ValueError(
            "A model is split over devices on JAX alone: set KERAS_BACKEND=jax. Received: "
            f"model_shards={model_shards} on the backend {backend!r}"
        )
    if backend == "tensorflow":
        import tensorflow as tf

        count = len(devices or tf.config.list_logical_devices("GPU"))
        _check(batch_size, count)
        if count < 2:
            yield 1
            return
        with _mirrored(tuple(devices or ())).scope():
            yield count
    elif backend == "jax" and (len(keras.distribution.list_devices()) > 1 or model_shards != 1):
        count = len(keras.distribution.list_devices())
        before = keras.distribution.distribution()
        if model_shards == 1:
            chosen = keras.distribution.DataParallel(auto_shard_dataset=False)
        else:
            chosen = class_parallel(model_shards)
        _check(batch_size, count)
        keras.distribution.set_distribution(chosen)
        try:
            yield count
        finally:
            keras.distribution.set_distribution(before)
    else:
        yield 1


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> Any:
    """Make the one strategy of these devices.

    A second one would count its collective operations from the same number again, and TensorFlow
    takes those of another shape under a number that it has seen for an error.
    """
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices or None)


def join(coordinator: str, processes: int, index: int) -> None:
    """Make this process one of several that train together, on JAX, before any model is made.

    From then on an error that ends this process ends it at once, so that the others fail at their
    next exchange. (JAX would first wait five minutes for all of them to end, and they for it.)

    Args:
        coordinator: `host:port` of the first process, reachable from all.
        processes: Number of processes.
        index: Number of this process, from 0.

    Raises:
        RuntimeError: On another backend. `MultiWorkerMirroredStrategy` does not work with the
            `fit` of Keras 3 (keras issue 20585).
    """
    if keras.backend.backend() != "jax":
        raise RuntimeError(
            "Training past one machine runs on JAX: set KERAS_BACKEND=jax. Received the backend "
            f"{keras.backend.backend()!r}."
        )
    import jax

    if jax.config.jax_platforms in (None, "", "cpu"):  # type: ignore[attr-defined]
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
    keras.distribution.initialize(coordinator, processes, index)
    sys.excepthook = functools.partial(_end, sys.excepthook)


def _end(show: Callable[..., None], *error: Any) -> None:
    show(*error)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)  # what `finally` and `with` had to do is done


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return process()[0] == 0


def agree(value: bool) -> bool:
    """Return what the first process says, after all processes have come here."""
    if process()[1] == 1:
        return value
    from jax.experimental import multihost_utils

    return bool(multihost_utils.broadcast_one_to_all(value))


def first_alone(act: Callable[[], object]) -> None:
    """Call `act` in the first process while all others wait; if it raises, all of them do."""
    error: Exception | None = None
    if is_first():
        try:
            act()
        except Exception as raised:
            error = raised
    if not agree(error is None):
        raise error or RuntimeError("The first process could not go on. Its message says why.")


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Make and use models inside this block on this process's own device."""
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def _check(batch_size: int | None, count: int) -> None:
    if batch_size is not None and count and batch_size % count:
        raise ValueError(
            f"The batch of {batch_size} does not split evenly over {count} devices. Choose a "
            f"multiple of {count}."
        )
