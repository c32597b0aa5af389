"""Length of node coordinates along the path of every class."""

from __future__ import annotations

import numpy as np
from keras import ops

from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.values import Tensor


def path_lengths(nodes: Tensor, tree: ClassTree) -> Tensor:
    """Euclidean length of node coordinates along the path of every class.

    One gather per tree level, O(N) per example; no K x N matrix of paths.

    Args:
        nodes: `[B, N - 1]`, a coordinate per node in the order of `tree.nodes`, without the root.
        tree: A `ClassTree`.

    Returns:
        `[B, K]`, `sqrt(sum of x_a^2 over the class and its ancestors a, without the root)`.
    """
    nodes = ops.convert_to_tensor(nodes)
    squares = nodes * nodes
    slot = np.zeros(tree.num_nodes, np.int32)
    sums, done, classes = ops.zeros_like(squares[:, :1]), [], []
    for here in tree.by_depth[1:]:
        sums = ops.take(sums, slot[tree.parents[here]], axis=1) + ops.take(
            squares, here.astype(np.int32), axis=1
        )
        slot[here] = np.arange(len(here))
        leaf = here[here < tree.num_classes]
        if len(leaf):
            done.append(ops.take(sums, slot[leaf], axis=1))
            classes.append(leaf)
    order = np.argsort(np.concatenate(classes)).astype(np.int32)
    return ops.sqrt(ops.take(ops.concatenate(done, axis=1), order, axis=1))
