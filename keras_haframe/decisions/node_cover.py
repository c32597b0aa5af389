"""Sets of at most r nodes that grow class by class, for all examples at once."""

from __future__ import annotations

import numpy as np

from keras_haframe.tree import ClassTree


def grow(
    order: np.ndarray,
    count: np.ndarray,
    tree: ClassTree,
    most: int,
    labels: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Add classes one by one; where a set has too many nodes, join two of them.

    Args:
        order: int64 `[B, K]`, classes in the order in which they join.
        count: int64 `[B]`, how many join, at least 1.
        tree: A `ClassTree`.
        most: r, the largest number of nodes in a set.
        labels: int64 `[B]`: growing also stops when the set holds this class.

    Returns:
        `(nodes, last)`: int64 `[B, r]`, node numbers in tree order, then -1; and int64 `[B]`, the
        index of the step after which growing stopped.
    """
    _, start, stop = tree.leaf_ranges
    # An empty place is a node after all others.
    start, stop = np.append(start, tree.num_classes), np.append(stop, tree.num_classes)
    place = start[: tree.num_classes]
    empty, batch = tree.num_nodes, len(order)
    sets = np.full((batch, most + 1), empty, np.int64)
    last = np.zeros(batch, np.int64)
    going = np.arange(batch)
    for step in range(order.shape[1]):
        going = going[count[going] > step]
        if labels is not None:
            going = going[~_holds(sets[going], place[labels[going]], start, stop)]
        if not len(going):
            break
        last[going] = step
        leaf = order[going, step]
        new = ~_holds(sets[going], place[leaf], start, stop)
        rows, leaf = going[new], leaf[new]
        if not len(rows):
            continue
        grown = sets[rows]
        grown[:, -1] = leaf
        grown = np.take_along_axis(grown, np.argsort(start[grown], axis=1, kind="stable"), axis=1)
        full = grown[:, -1] != empty
        if full.any():
            grown[full] = _join(grown[full], tree, start, stop, empty)
        sets[rows] = grown
    sets = sets[:, :most]
    return np.where(sets == empty, -1, sets), last


def _holds(sets: np.ndarray, place: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Whether a node of each set covers the class at a place in tree order."""
    return ((start[sets] <= place[:, None]) & (place[:, None] < stop[sets])).any(axis=1)


def _join(
    sets: np.ndarray, tree: ClassTree, start: np.ndarray, stop: np.ndarray, empty: int
) -> np.ndarray:
    """Put the smallest common ancestor of two nodes in place of all nodes below it.

    In tree order it is that of two neighbors: what two nodes share, all between them share.
    """
    classes = tree.leaf_ranges[0][start[sets]]  # one below each node
    paths = tree.paths[classes]
    depth = (paths[:, 1:] == paths[:, :-1]).sum(axis=2) - 1
    common = np.take_along_axis(paths[:, :-1], depth[:, :, None], axis=2)[:, :, 0]
    smallest = (stop - start)[common].argmin(axis=1)
    top = np.take_along_axis(common, smallest[:, None], axis=1)
    below = (start[top] <= start[sets]) & (stop[sets] <= stop[top])
    first = below.argmax(axis=1)
    sets = np.where(below, empty, sets)
    sets[np.arange(len(sets)), first] = top[:, 0]
    return np.take_along_axis(sets, np.argsort(start[sets], axis=1, kind="stable"), axis=1)
