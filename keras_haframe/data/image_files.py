"""Reading image files in `tf.data`: JPEG and PNG in the graph, other kinds in Python."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable

import keras
import numpy as np

from keras_haframe.data.batches import finished
from keras_haframe.data.crops import _tensorflow
from keras_haframe.data.images import decode, pixels_of, reason
from keras_haframe.tree_ops.values import Tensor


def path_tensor(files: list[str]) -> Tensor:
    """Paths as a string tensor `[n]`, of whatever bytes they are."""
    return _tensorflow().constant([os.fsencode(file) for file in files], "string")


def read_image(path: Tensor) -> Tensor:
    """Decode a file: JPEG and PNG in the graph, what is left in Python.

    Args:
        path: String tensor `[]`.

    Returns:
        uint8 `[h, w, 3]`. A file that is no image raises an error with its name.
    """
    tf = _tensorflow()
    image = _in_graph(path)
    image = tf.cond(
        tf.size(image) > 0,
        lambda: image,
        lambda: tf.numpy_function(open_image, [path], tf.uint8),
    )
    return tf.ensure_shape(image, (None, None, 3))


def _in_graph(path: Tensor) -> Tensor:
    """Decode a JPEG or PNG file; empty if it is none. A graph has no `try`, but a data set has."""
    tf = _tensorflow()
    empty = tf.data.Dataset.from_tensors(tf.zeros((0, 0, 3), tf.uint8))

    def image(path: Tensor) -> Tensor:  # a GIF has a fourth axis and goes the other way
        return tf.ensure_shape(decode(tf.io.read_file(path)), (None, None, 3))

    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    decoded = tf.data.Dataset.from_tensors(path).map(image).ignore_errors()
    first = decoded.concatenate(empty).take(1)
    return first.with_options(options).get_single_element()


def open_image(path: bytes) -> np.ndarray:
    """Pixels of a file that TensorFlow cannot decode: of another kind, or none at all.

    Raises:
        ValueError: Naming the file.
    """
    name = os.fsdecode(path)
    with open(path, "rb") as file:
        data = file.read()
    try:
        return pixels_of(data)
    except Exception as error:  # TensorFlow, Pillow and struct all have their own
        raise ValueError(
            f"{name} ({len(data)} bytes) is not a readable image: {reason(error)}. Fetch the file "
            "again, or leave such files out with on_corrupt='skip'."
        ) from None


def unreadable(files: Iterable[str], verbose: bool = True) -> dict[str, str]:
    """Files that cannot be read as training does, and why."""
    tf, names = _tensorflow(), list(files)
    paths = tf.data.Dataset.from_tensor_slices(path_tensor(names))
    fine = paths.map(lambda path: tf.size(_in_graph(path)) > 0, num_parallel_calls=os.cpu_count())
    bar = keras.utils.Progbar(len(names), verbose=int(verbose), unit_name="image")
    result: dict[str, str] = {}
    start = 0
    for batch in finished(fine.batch(64)).as_numpy_iterator():
        for ok, file in zip(batch, names[start:]):
            if not ok:
                try:
                    pixels_of(pathlib.Path(file).read_bytes())
                except Exception as error:  # TensorFlow, Pillow and struct all have their own
                    result[file] = reason(error)
        start += len(batch)
        bar.update(start)
    return result
