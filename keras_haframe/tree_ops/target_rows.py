"""Rows of a matrix over pairs of classes that depends on their LCA only."""

from __future__ import annotations

import numpy as np
from keras import ops

from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.held import held
from keras_haframe.tree_ops.values import Tensor

DENSE_LIMIT = 2048  # classes up to which the K x K target table is held (16 MB)


class TargetRows:
    """Rows `S[y]` of a matrix that depends on the LCA of two classes only.

    Up to 2048 classes the rows are gathered from a table; beyond, every level of the tree
    overwrites the entries of the classes that share its node with `y`, in `[B, K]` memory and
    without any K x K table.

    Args:
        tree: A `ClassTree`.
        weights: float64 `[N]` node weights with `S = sum_n weights_n 1_n 1_n'`.
        dtype: Dtype of the rows.
    """

    def __init__(self, tree: ClassTree, weights: np.ndarray, dtype: str):
        self.dtype = dtype
        self.table: np.ndarray | None = None
        if tree.num_classes <= DENSE_LIMIT:
            per_node = weights.copy()
            for nodes in tree.by_depth[1:]:
                per_node[nodes] += per_node[tree.parents[nodes]]
            self.table = tree.lca_table(per_node.astype(dtype))
        else:
            self.paths = tree.paths.astype(np.int32)
            steps = weights[tree.paths]
            # A class shallower than the tree stands for itself on deeper levels: count it once.
            steps[:, 1:][tree.paths[:, 1:] == tree.paths[:, :-1]] = 0.0
            self.sums = np.cumsum(steps, axis=1).astype(dtype)

    def __call__(self, labels: Tensor) -> Tensor:
        """Rows `[B, K]` for int labels `[B]`."""
        if self.table is not None:
            return ops.take(ops.convert_to_tensor(self.table), labels, axis=0)
        paths = held(self.paths)
        nodes = ops.take(paths, labels, axis=0)
        sums = ops.take(held(self.sums), labels, axis=0)
        rows = sums[:, :1]
        for t in range(1, self.paths.shape[1]):
            same = ops.equal(nodes[:, t, None], paths[None, :, t])
            rows = ops.where(same, sums[:, t, None], rows)
        return rows

    def at(self, labels: Tensor, classes: Tensor) -> Tensor:
        """Entries `S[y, k]`, `[B, n]`, for int labels `[B]` and int classes `[n]` or `[B, n]`."""
        if self.table is not None:
            flat = labels[:, None] * len(self.table) + classes
            return ops.take(ops.convert_to_tensor(self.table.ravel()), flat)
        paths = held(self.paths)
        own = ops.take(paths, labels, axis=0)
        sums = ops.take(held(self.sums), labels, axis=0)
        theirs = ops.take(paths, classes, axis=0)
        entries = sums[:, :1]
        for t in range(1, self.paths.shape[1]):
            same = ops.equal(own[:, t, None], theirs[..., t])
            entries = ops.where(same, sums[:, t, None], entries)
        return ops.broadcast_to(entries, ops.shape(own[:, :1] + theirs[..., 0]))
