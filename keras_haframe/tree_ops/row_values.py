"""Rows of a K x K table that depends on the deepest common ancestor alone, without the table."""

from __future__ import annotations

import numpy as np
from keras import ops

from keras_haframe.tree_ops.values import Tensor


def row_values(paths: np.ndarray, table: np.ndarray, labels: Tensor) -> Tensor:
    """Value of every class for every label of a batch, `[B, K]`.

    Args:
        paths: int `[K, height + 1]`, node of every depth on the way to a class (`ClassTree.paths`).
        table: `[K, height + 1]`, value for a label and the depth of the deepest common ancestor.
        labels: int `[B]`.
    """
    nodes = ops.convert_to_tensor(paths)
    own = ops.take(nodes, labels, axis=0)
    levels = ops.take(ops.convert_to_tensor(table), labels, axis=0)
    value = levels[:, :1]
    for t in range(1, paths.shape[1]):  # the deepest common ancestor has the last word
        value = ops.where(own[:, t : t + 1] == nodes[None, :, t], levels[:, t : t + 1], value)
    return value
