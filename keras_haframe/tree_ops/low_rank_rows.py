"""Vectors of single classes of the low-rank frame in `keras.ops`."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from keras_haframe.tree_ops.held import held
from keras_haframe.tree_ops.values import Tensor


def low_rank_rows(frame: Any, classes: Tensor) -> Tensor:
    """`frame.rows(classes)` in `keras.ops`: one gather per tree level, in memory of the result.

    Args:
        frame: A `LowRankFrame` of `dim` dimensions.
        classes: int tensor of any shape.

    Returns:
        float32 `[..., dim]`.
    """
    gains, above = held(frame.inner_gain, "float32"), held(frame.above, "int32")
    shape = (*classes.shape, frame.dim)
    classes = ops.reshape(ops.cast(classes, "int32"), (-1,))
    rows = ops.take(held(frame.class_gain, "float32"), classes)[:, None]
    rows = rows * _vectors(frame, frame.classes, classes)
    one = len(frame.parent_gain) == 1  # the same for all classes
    gain = ops.take(held(frame.parent_gain, "float32"), ops.zeros_like(classes) if one else classes)
    node = ops.take(held(frame.class_parents, "int32"), classes)
    for _ in frame.level_sizes:
        there = ops.maximum(node, 0)
        own = ops.where(node >= 0, gain * ops.take(gains, there), 0.0)
        rows = rows + own[:, None] * _vectors(frame, frame.inner, there)
        node = ops.where(node >= 0, ops.take(above, there), -1)
    return ops.reshape(rows, tuple(-1 if n is None else n for n in shape))


def _vectors(frame: Any, vectors: Any, which: Tensor) -> Tensor:
    """Vectors `[n, dim]` of some of the nodes."""
    slots = ops.take(held(vectors.slots, "int32"), which)
    if frame.exact:
        return ops.one_hot(slots, frame.dim, dtype="float32")
    high, low = (f.astype("float32") for f in frame.factors)
    blocks = len(vectors.signs)
    row, block = slots // blocks, slots % blocks
    scaled = ops.convert_to_tensor(high / np.float32(np.sqrt(frame.dim)))
    first = ops.take(scaled, row // len(low), axis=0)
    second = ops.take(ops.convert_to_tensor(low), row % len(low), axis=0)
    full = ops.reshape(first[:, :, None] * second[:, None], (-1, len(high) * len(low)))
    signs = ops.take(held(vectors.signs), block, axis=0)
    return full[:, : frame.dim] * ops.cast(signs, "float32")
