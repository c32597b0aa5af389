"""The structured frame in `keras.ops`."""

from __future__ import annotations

import numpy as np
from keras import ops

from keras_haframe.frames import TreeFrame
from keras_haframe.tree_ops.values import Tensor


def tree_matvec(frame: TreeFrame, x: Tensor) -> Tensor:
    """`frame.matvec` in `keras.ops`: one gather and one segment sum per tree level.

    Args:
        frame: The structured frame of K classes.
        x: Float tensor `[B, K]`.

    Returns:
        Tensor `[B, K]`, `x @ frame.dense().T`.
    """
    x = ops.transpose(x)
    values, done = x[:1], []

    def column(array: np.ndarray) -> Tensor:
        return ops.convert_to_tensor(array[:, None], dtype=x.dtype)

    def rows(array: np.ndarray) -> Tensor:  # a saved graph holds each, so in four bytes
        return ops.convert_to_tensor(array.astype(np.int32))

    for lv in frame.levels:
        z = column(lv.gain) * values
        if lv.num_details:
            details = x[lv.first_detail : lv.first_detail + lv.num_details]
            z = ops.take(ops.concatenate([z, details]), rows(lv.take), axis=0)
            mirror, segment = column(lv.mirror), rows(lv.segment)
            dots = ops.segment_sum(mirror * z, segment, len(lv.gain))
            z = z - 2.0 * mirror * ops.take(dots, segment, axis=0)
        done.append(ops.take(z, rows(lv.leaf), axis=0))
        values = ops.take(z, rows(lv.inner), axis=0)
    leaves = ops.take(ops.concatenate(done), rows(frame.class_order), axis=0)
    return ops.transpose(leaves * column(frame.leaf_gain))
