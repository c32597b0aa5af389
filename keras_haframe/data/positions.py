"""Training data from the middle of an epoch, for a run that is taken up at a step."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import keras


def from_step(train: Callable[..., Any], epoch: int, step: int) -> Any:
    """Return the data of an epoch from a step on.

    A function with a parameter `step` is asked for them, `train(epoch, step=step)`. Otherwise
    `train(epoch)` is positioned: a `PyDataset` and a `grain.MapDataset` at once, a
    `tf.data.Dataset`, Grain's and torch's loaders and other iterables by passing over the batches
    before, which are made and thrown away.

    Args:
        train: As of `training.run`.
        epoch: Number of the epoch, from 0.
        step: Batches of the epoch to leave out.

    Raises:
        ValueError: If the data are not batches.

    Example:

    >>> data = from_step(lambda epoch: (("images", i) for i in range(4)), 0, 2)
    >>> list(data)
    [('images', 2), ('images', 3)]
    """
    if step == 0:
        return train(epoch)
    if "step" in inspect.signature(train).parameters:
        return train(epoch, step=step)
    data = train(epoch)
    if isinstance(data, keras.utils.PyDataset):
        return RestOfEpoch(data, step)
    if hasattr(data, "skip"):
        return data.skip(step)
    if type(data).__name__.endswith("MapDataset") or "grain" in type(data).__module__:
        return data[step:] if hasattr(data, "__getitem__") else _rest(data, step)
    if hasattr(data, "shape") or isinstance(data, (tuple, list, dict)):
        raise ValueError(
            "To go on from a step, `train` must return batches, such as ArrayBatches(images, "
            f"labels, 64).from_epoch(epoch). Received: {type(data).__name__}"
        )
    return _rest(data, step)


def _rest(data: Any, step: int) -> Iterator[Any]:
    """Return a generator, which is what Keras takes for one."""
    for batch in itertools.islice(data, step, None):
        yield tuple(batch) if isinstance(batch, list) else batch


class RestOfEpoch(keras.utils.PyDataset):
    """A `PyDataset` from a batch on, for one epoch."""

    def __init__(self, data: keras.utils.PyDataset, step: int) -> None:
        super().__init__(data.workers, data.use_multiprocessing, data.max_queue_size)
        self.data, self.step = data, step

    @property
    def num_batches(self) -> int | None:
        count = self.data.num_batches
        return None if count is None else count - self.step

    def __getitem__(self, index: int) -> Any:
        return self.data[index + self.step]

    def on_epoch_begin(self) -> None:
        self.data.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.data.on_epoch_end()
