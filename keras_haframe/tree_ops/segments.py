"""Sums over groups of rows and up a class tree, plain or on the log scale."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from keras import ops

from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.values import Tensor


def segment_logsumexp(rows: Tensor, segments: Tensor, count: int) -> Tensor:
    """`log(sum exp)` of the rows of every group.

    Each group is shifted by its own largest entry, so a group far below the others keeps its
    digits where a sum of exponentials would underflow to zero.

    Args:
        rows: Float tensor `[R, B]`.
        segments: int `[R]`, group of every row; no group may be empty.
        count: Number of groups.

    Returns:
        Tensor `[count, B]`.
    """
    top, _, log_sums = _shifted(rows, segments, count)
    return top + log_sums


def segment_log_softmax(rows: Tensor, segments: Tensor, count: int) -> Tensor:
    """Log softmax of every row within its group.

    Args:
        rows: Float tensor `[R, B]`.
        segments: int `[R]`, group of every row; no group may be empty.
        count: Number of groups.

    Returns:
        Tensor `[R, B]`.
    """
    _, shifted, log_sums = _shifted(rows, segments, count)
    return shifted - ops.take(log_sums, segments, axis=0)


def _shifted(rows: Tensor, segments: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Largest row of every group, rows less that, and the groups' log-sum-exp of these."""
    top = ops.stop_gradient(ops.segment_max(rows, segments, count))
    shifted = rows - ops.take(top, segments, axis=0)
    return top, shifted, ops.log(ops.segment_sum(ops.exp(shifted), segments, count))


def up_the_tree(rows: Tensor, tree: ClassTree, reduce: Callable) -> Tensor:
    """Values of all nodes from those of the classes, every inner node's from its children's.

    Args:
        rows: `[K, B]`, one row per class.
        tree: A `ClassTree`.
        reduce: Function of (children's rows, number of each row's parent, number of parents) that
            returns the parents' rows, as `ops.segment_sum`.

    Returns:
        Tensor `[N, B]` in the order of `tree.nodes`.
    """
    k = tree.num_classes
    slot = np.zeros(tree.num_nodes, np.int64)
    parts, values, below = [rows], None, None
    for nodes in tree.by_depth[::-1]:
        leaf, inner = nodes[nodes < k], nodes[nodes >= k]
        level = ops.take(rows, leaf, axis=0)
        if len(inner):
            slot[inner] = np.arange(len(inner))
            reduced = reduce(values, slot[tree.parents[below]], len(inner))
            parts.append(reduced)
            level = ops.concatenate([level, reduced])
        values, below = level, np.concatenate([leaf, inner])
    return ops.concatenate(parts)


def node_sums(values: Tensor, tree: ClassTree) -> Tensor:
    """Sum over the classes below every node, `[B, N]` in the order of `tree.nodes`, of `[B, K]`."""
    return ops.transpose(up_the_tree(ops.transpose(values), tree, ops.segment_sum))


def level_sums(values: Tensor, tree: ClassTree, level: int) -> Tensor:
    """Sum over the classes below every node of a level, `[B, n]`, of `[B, K]`.

    Args:
        values: `[B, K]`.
        tree: A `ClassTree`.
        level: Depth of the level, 1 to the tree's height.
    """
    column = tree.level_labels()[:, -level]
    sums = ops.segment_sum(ops.transpose(values), column, int(column.max()) + 1)
    return ops.transpose(sums)
