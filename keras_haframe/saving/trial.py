"""Tries a preparation of images as the served graph will run it, before anything is written."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_haframe.tree_ops.values import Tensor


def check(function: Callable[[Tensor], Tensor], shape: tuple[int, int, int]) -> None:
    """Try a function on pictures of several sizes, called directly and in a graph.

    In the served model a picture that it fails for is answered as one that is damaged, so that what
    it gets wrong must be said here.

    Args:
        function: From uint8 `[h, w, C]` to the model's input.
        shape: `(H, W, C)` of the latter.

    Raises:
        ValueError: If it fails, in a graph or for one of the sizes, returns anything but finite
            numbers of that shape, calls Python in the graph, or does not return the same again
            (random numbers, counters and other state). A function that fails for pictures smaller
            than the model's is only warned of.
    """
    import tensorflow as tf

    height, width, channels = shape
    spec = tf.TensorSpec((None, None, channels), tf.uint8)
    graph, other = (tf.function(function, input_signature=[spec]) for _ in range(2))
    sizes = ((2 * height + 3, 3 * width + 5), (3 * height + 4, 2 * width + 1))
    for size in sizes:
        picture = tf.constant(np.indices((*size, channels)).sum(0) * 7 % 256, tf.uint8)
        where = f"`preprocessing` was tried on a uint8 picture {(*size, channels)}"
        found = [_made(run, picture, shape, where) for run in (function, graph, graph, other)]
        if not all(np.allclose(found[1], again, 1e-3, 1e-4) for again in found[2:]):
            raise ValueError(
                f"{where} and did not return the same again. It must not draw random numbers, nor "
                "count or keep anything: Python code runs once, when the graph is made."
            )
    made = graph.get_concrete_function()
    if any("PyFunc" in kind for kind in _operations(made)):
        raise ValueError(
            "`preprocessing` must be of TensorFlow operations alone: a server has no Python for "
            "tf.py_function and tf.numpy_function."
        )
    if any(tensor.dtype == tf.resource for tensor in made.captured_inputs):
        raise ValueError(
            "`preprocessing` must use no tf.Variable, table or generator: the served model does "
            "not hold them. Give it their values as constants."
        )
    small = tf.zeros((max(height // 2, 1), max(width // 2, 1), channels), tf.uint8)
    try:
        _made(graph, small, shape, "")
    except ValueError:
        warnings.warn(
            f"`preprocessing` fails for pictures as small as {tuple(small.shape)}; they will be "
            "answered with `ok` false.",
            stacklevel=4,
        )


def _made(run: Callable, picture: Tensor, shape: tuple[int, int, int], where: str) -> np.ndarray:
    try:
        made = np.asarray(run(picture))
    except Exception as error:
        kind, why = type(error).__name__, str(error).strip().split("\n")[-1].strip()
        why = why if why.startswith(kind) else f"{kind}: {why}"
        raise ValueError(
            f"{where} and failed: {why}. It must take an image of any "
            "size, and run in a TensorFlow graph."
        ) from error
    if made.shape != shape or made.dtype.kind not in "fiu":
        raise ValueError(
            f"{where} and must return numbers {shape}. Received: {made.dtype} {made.shape}"
        )
    if not np.isfinite(made).all():
        raise ValueError(f"{where} and must return finite numbers. Received: NaN or infinity")
    return made.astype(np.float64)


def _operations(made: Any) -> list[str]:
    """Kinds of the operations of a traced function and of the functions that it calls."""
    definition = made.graph.as_graph_def()
    bodies = [definition.node, *(f.node_def for f in definition.library.function)]
    return [node.op for nodes in bodies for node in nodes]
