"""The arrays of a class tree: paths, labels per level, heights, tables over pairs of classes.

`ClassTree` documents each; here is only how they are computed. No function loops over classes:
the loops are over levels, or (for K x K tables) over nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from keras_haframe.tree.class_tree import ClassTree

CONVENTIONS = ("depth", "subtree")


def levels(depths: np.ndarray) -> list[np.ndarray]:
    """Node numbers by depth, root first, rising within a depth."""
    order = np.argsort(depths, kind="stable")
    return np.split(order, np.searchsorted(depths[order], np.arange(1, depths.max() + 1)))


class Children:
    """Node numbers of the children of a node, rising: `Children(tree)[node]`."""

    def __init__(self, tree: ClassTree):
        self._order = np.argsort(tree.parents[:-1], kind="stable")
        self._start = np.searchsorted(tree.parents[self._order], np.arange(tree.num_nodes + 1))

    def __getitem__(self, node: int) -> np.ndarray:
        return self._order[self._start[node] : self._start[node + 1]]


def paths(tree: ClassTree) -> np.ndarray:
    """See `ClassTree.paths`."""
    table = np.empty((tree.num_classes, tree.height + 1), np.int64)
    node = np.arange(tree.num_classes)
    for t in range(tree.height, -1, -1):
        table[:, t] = node
        node = np.where(tree.depths[node] == t, tree.parents[node], node)
    return table


def level_labels(tree: ClassTree) -> np.ndarray:
    """See `ClassTree.level_labels`."""
    columns = []
    for t in range(tree.height, 0, -1):
        _, first, inverse = np.unique(tree.paths[:, t], return_index=True, return_inverse=True)
        rank = np.empty(len(first), np.int64)
        rank[np.argsort(first)] = np.arange(len(first))
        columns.append(rank[inverse])
    return np.stack(columns, axis=1)


def node_heights(tree: ClassTree, convention: str) -> np.ndarray:
    """See `ClassTree.node_heights`."""
    if convention not in CONVENTIONS:
        raise ValueError(f"`convention` must be one of {CONVENTIONS}. Received: {convention!r}")
    if convention == "depth":
        heights = tree.height - tree.depths
        heights[: tree.num_classes] = 0
        return heights
    heights = np.zeros(tree.num_nodes, np.int64)
    for nodes in tree.by_depth[:0:-1]:
        np.maximum.at(heights, tree.parents[nodes], heights[nodes] + 1)
    return heights


def leaf_ranges(tree: ClassTree) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """See `ClassTree.leaf_ranges`."""
    parents, k = tree.parents, tree.num_classes
    count = np.zeros(tree.num_nodes, np.int64)
    count[:k] = 1
    by_depth = tree.by_depth
    for nodes in by_depth[:0:-1]:
        np.add.at(count, parents[nodes], count[nodes])
    start = np.zeros(tree.num_nodes, np.int64)
    for nodes in by_depth[1:]:
        # Siblings side by side, then a running sum of their sizes that begins anew per parent.
        nodes = nodes[np.lexsort((nodes, start[parents[nodes]]))]
        before = np.cumsum(count[nodes]) - count[nodes]
        _, first, sibling_of = np.unique(
            start[parents[nodes]], return_index=True, return_inverse=True
        )
        start[nodes] = start[parents[nodes]] + before - before[first][sibling_of]
    order = np.empty(k, np.int64)
    order[start[:k]] = np.arange(k)
    return order, start, start + count


def lca_table(tree: ClassTree, values: np.ndarray) -> np.ndarray:
    """See `ClassTree.lca_table`."""
    values = np.asarray(values)
    if values.shape != (tree.num_nodes,):
        raise ValueError(
            f"`values` must hold one value per node, shape [{tree.num_nodes}]. "
            f"Received shape: {values.shape}"
        )
    order, start, stop = tree.leaf_ranges
    table = np.empty((tree.num_classes, tree.num_classes), values.dtype)
    branching = np.flatnonzero(np.bincount(tree.parents[:-1], minlength=tree.num_nodes) > 1)
    # Parents first: each node overwrites its own square block, its children refine it.
    for node in branching[::-1]:
        table[start[node] : stop[node], start[node] : stop[node]] = values[node]
    np.fill_diagonal(table, values[order])
    if np.array_equal(order, np.arange(tree.num_classes)):
        return table
    place = np.argsort(order)
    return np.take(np.take(table, place, axis=0), place, axis=1)
