"""The best and the worst ranking of the classes for every label, without a K x K table."""

from __future__ import annotations

import numpy as np

from keras_haframe.tree import ClassTree


def rank_profile(tree: ClassTree, convention: str = "depth") -> tuple[np.ndarray, np.ndarray]:
    """Distances from every class to all others, as counts.

    Row y of the distance matrix takes one value per ancestor of y: the classes below the ancestor
    at depth t, but not below the one at t + 1, are all at its height. So the sorted row is known
    from the numbers of classes below the ancestors.

    Args:
        tree: A `ClassTree`.
        convention: Distance convention, see `ClassTree.distances`.

    Returns:
        `(heights, within)`, `[K, height + 1]` each, column t for the ancestor at depth t (the class
        itself in the last column): its height, and the number of classes below it, that is, of
        classes no farther away than the height.
    """
    _, start, stop = tree.leaf_ranges
    heights = tree.node_heights(convention)[tree.paths].astype(np.float64)
    return heights, (stop - start)[tree.paths]


def best_and_worst(
    values: np.ndarray, within: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sum of values over ranks, weighted by rank, for the nearest-first and farthest-first order.

    Args:
        values: `[K, C]` value of a class at each distance, from `rank_profile`'s heights.
        within: `[K, C]` from `rank_profile`.
        weight: `[num_classes]` weight of every rank.

    Returns:
        Float64 `[K]` arrays `(nearest_first, farthest_first)`.
    """
    total = np.concatenate([[0.0], np.cumsum(weight)])
    closer = np.concatenate([within[:, 1:], np.zeros_like(within[:, :1])], axis=1)
    nearest = (values * (total[within] - total[closer])).sum(axis=1)
    k = len(weight)
    farthest = (values * (total[k - closer] - total[k - within])).sum(axis=1)
    return nearest, farthest
