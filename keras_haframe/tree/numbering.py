"""Numbers of the nodes of a tree's edges, all at once.

A million classes are numbered in seconds; only where something is wrong are the edges gone through
one by one, for an error that names the culprit (`validation`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_haframe.tree import validation


class Numbering(NamedTuple):
    """What `number` finds.

    Attributes:
        nodes: N names: the classes in label order, then inner nodes from the deepest to the root.
        num_classes: K.
        parents: int64 `[N]`, number of each node's parent, -1 for the root.
        depths: int64 `[N]`, number of edges from the root.
        order: int64 `[N - 1]`, the nodes below the root in the order of their edges.
    """

    nodes: list[str]
    num_classes: int
    parents: np.ndarray
    depths: np.ndarray
    order: np.ndarray


def number(edges: Iterable[Sequence[str]], leaves: Sequence[str] | None) -> Numbering:
    """Check edges and class names, and number the nodes.

    Args:
        edges: `(parent, child)` pairs of names.
        leaves: Class names in label order; `None` for the childless nodes.

    Raises:
        ValueError: For all that is no tree, see `ClassTree`.
    """
    edges, leaves = _as_list(edges), _as_list(leaves)
    found = _number(edges, leaves)
    if found is None:
        edges, parent_of, children_of = validation.check_edges(edges)
        depth = validation.check_reachable(parent_of, children_of)
        leaves = validation.check_leaves(leaves, depth, parent_of, children_of)
        found = _number(edges, leaves)
    assert found is not None
    return found


def _as_list(values: Any) -> Any:
    """Return an iterator as a list; texts and what cannot be gone through stay as they are."""
    plain = isinstance(values, (str, bytes, list)) or not isinstance(values, Iterable)
    return values if plain else list(values)


def _number(edges: Any, leaves: Any) -> Numbering | None:
    """Give numbers to the nodes; `None` where edges or leaves need a closer look."""
    if not isinstance(edges, list) or not edges or not set(map(type, edges)) <= {tuple, list}:
        return None
    if set(map(len, edges)) != {2}:
        return None
    # One dictionary, from every name to the place where it stands first: looking names up is most
    # of the time, and more of it the less of the dictionary fits into the processor's cache.
    place: dict[str, int] = {}
    given = list(itertools.chain.from_iterable(edges))
    if not set(map(type, given)) <= {str}:
        return None
    found = np.fromiter(map(place.setdefault, given, itertools.count()), np.int64, len(given))
    names = list(place)
    if not validation.are_names(names):
        return None
    rank = np.cumsum(found == np.arange(len(given))) - 1
    above, child = rank[found].reshape(-1, 2).T
    if (above == child).any():
        return None
    parents = np.full(len(names), -1)
    parents[child] = above
    depths = depths_of(parents)
    if depths is None or len(child) != len(names) - 1 or (parents < 0).sum() != 1:
        return None  # a circle, an edge given twice, two parents, several roots
    childless = np.ones(len(names), bool)
    childless[parents[child]] = False
    first = _places(leaves, place, rank, childless)
    if first is None:
        return None
    inner = np.flatnonzero(~childless)
    # Deepest first; nodes of one depth in the order in which the edges name them.
    old = np.concatenate([first, inner[np.argsort(-depths[inner], kind="stable")]])
    new = np.empty(len(names) + 1, np.int64)
    new[old], new[-1] = np.arange(len(names)), -1
    return Numbering(
        [names[i] for i in old.tolist()], len(first), new[parents[old]], depths[old], new[child]
    )


def _places(
    leaves: Any, place: dict[str, int], rank: np.ndarray, childless: np.ndarray
) -> np.ndarray | None:
    """Ranks of the classes in label order; `None` if they are not the childless nodes."""
    if leaves is None:
        found = np.flatnonzero(childless)
        return found if len(found) > 1 else None
    if not isinstance(leaves, list) or set(map(type, leaves)) != {str}:
        return None
    numbers = list(map(place.get, leaves))
    count = int(childless.sum())
    if None in numbers or not len(set(numbers)) == len(numbers) == count or count < 2:
        return None
    found = rank[np.array(numbers, np.int64)]
    return found if childless[found].all() else None


def depths_of(parents: np.ndarray) -> np.ndarray | None:
    """Count the edges from the root for parents `[N]`, -1 for a root; `None` with a circle.

    Each step doubles how far up every node looks, so that a long chain takes few.
    """
    up = np.where(parents < 0, np.arange(len(parents)), parents)
    steps = (parents >= 0).astype(np.int64)
    for _ in range(len(parents).bit_length() + 1):
        if (parents[up] < 0).all():
            return steps
        steps += steps[up]
        up = up[up]
    return None
