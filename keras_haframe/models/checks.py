"""Checks of data, before any training."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_haframe.tree_ops.checks import check_labels


def check_images(images: Any, source: str = "x") -> None:
    """Raise if a batch of inputs holds NaN or infinity."""
    for leaf in keras.tree.flatten(images):
        array = np.asarray(leaf)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(
                f"Inputs contain NaN or infinite values in {source}. Check decoding and "
                "normalization (a division by a zero standard deviation, for example)."
            )


def check_data(x: Any, y: Any, num_classes: int, source: str = "the training data") -> Any:
    """Check arrays whole and data sets by their first batch; leave other iterators alone.

    Args:
        x: Arrays, a `tf.data.Dataset`, a `keras.utils.PyDataset` or a torch `DataLoader`.
        y: Labels where `x` is an array, else `None`.
        num_classes: K.
        source: What the error calls the data.

    Returns:
        NumPy inputs: the first 256, or the first batch; `None` where they were left alone.
    """
    if y is not None:
        check_labels(y, num_classes, source=source)
        first = keras.tree.map_structure(lambda a: keras.ops.convert_to_numpy(a[:256]), x)
        check_images(first, source)
        return first
    if isinstance(x, keras.utils.PyDataset):
        batch = x[0]
    elif type(x).__module__.startswith("tensorflow") and hasattr(x, "take"):
        batch = next(iter(x.take(1)), None)
    elif hasattr(x, "batch_sampler"):
        batch = next(iter(x), None)
    else:
        return None
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        raise ValueError(
            f"{source} must give batches (images, integer labels). "
            f"Received: {type(batch).__name__}"
            + (f" of length {len(batch)}" if isinstance(batch, (tuple, list)) else "")
        )
    check_labels(keras.ops.convert_to_numpy(batch[1]), num_classes, source=source)
    first = keras.tree.map_structure(keras.ops.convert_to_numpy, batch[0])
    check_images(first, source)
    return first


def check_float_images(data: Any, input_shape: tuple) -> None:
    """Raise unless arrays, or the first batch of other data, are float images of this shape.

    Args:
        data: Arrays, a `tf.data.Dataset` or a `keras.utils.PyDataset`; other iterators are not
            looked at.
        input_shape: `(batch, height, width, channels)`.
    """
    if hasattr(data, "element_spec"):
        batch = data.element_spec
    elif isinstance(data, keras.utils.PyDataset):
        batch = data[0]
    else:
        batch = data
    images = batch[0] if isinstance(batch, (tuple, list)) and len(batch) else batch
    if not hasattr(images, "dtype") or not hasattr(images, "shape"):
        return
    name = getattr(images.dtype, "name", str(images.dtype).rsplit(".", 1)[-1])
    if not name.startswith(("float", "bfloat")):
        raise ValueError(
            "Images must be floats, scaled and normalized: their values are the targets. Divide by "
            f"255, for example. Received images of type: {name}"
        )
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[1:] != tuple(input_shape[1:]):
        raise ValueError(
            f"Images must have shape [batch, {', '.join(map(str, input_shape[1:]))}]. "
            f"Received shape: {shape}"
        )
