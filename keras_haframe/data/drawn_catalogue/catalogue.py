"""How large a drawn catalogue is, and its class tree."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from keras_haframe.data.drawn_catalogue import numbers
from keras_haframe.tree import ClassTree

ROOT = "catalogue"
SHALLOWEST, DEEPEST = 5, 8  # levels between the root and a class


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """Size of a drawn catalogue.

    Args:
        classes: Number K of classes, at least 32.
        train, validation, test: Pictures of every class in each split.
        long_tail: Training pictures of the rarest class over those of the most frequent (which has
            `train`), see `data.long_tail.long_tail_counts`; the frequent classes lie anywhere in
            the tree. 1 for as many of all.
        seed: Seed of the tree, the looks of the classes and the pictures.

    Raises:
        ValueError: For a number out of range.

    Example:

    >>> Catalogue(classes=500, train=20, long_tail=0.1).classes
    500
    """

    classes: int
    train: int = 10
    validation: int = 1
    test: int = 2
    long_tail: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (
            ("classes", 32), ("train", 1), ("validation", 0), ("test", 0), ("seed", 0),
        ):  # fmt: skip
            value = getattr(self, name)
            if not isinstance(value, (int, np.integer)) or value < least:
                raise ValueError(
                    f"`{name}` must be a whole number of at least {least}. Received: {value!r}"
                )
        if not 0 < self.long_tail <= 1:
            raise ValueError(f"`long_tail` must be in (0, 1]. Received: {self.long_tail}")


CONFIGS = {
    "tiny": Catalogue(64, train=8, validation=2, test=4),
    "10k": Catalogue(10_000),
    "100k": Catalogue(100_000, train=5),
}


def catalogue(config: str | Catalogue) -> Catalogue:
    """Return the catalogue of that name, or the one that is given.

    Raises:
        ValueError: For a name that is not in `CONFIGS`.
    """
    if isinstance(config, Catalogue):
        return config
    if config not in CONFIGS:
        raise ValueError(
            f"`config` must be one of {list(CONFIGS)} or a Catalogue. Received: {config!r}"
        )
    return CONFIGS[config]


def class_tree(config: str | Catalogue = "10k") -> ClassTree:
    """Return the class tree of a drawn catalogue.

    Classes lie five to eight levels below the root, and branches are of very different sizes. The
    name of a node is its way from the root: "C3-1-12" is the twelfth part of "C3-1".

    Args:
        config: `"tiny"` (64 classes), `"10k"`, `"100k"` or a `Catalogue`.

    Example:

    >>> tree = class_tree("tiny")
    >>> tree.num_classes, tree.path(0)[:3]
    (64, ['catalogue', 'C1', 'C1-1'])
    """
    return _tree(catalogue(config))


@functools.lru_cache(maxsize=4)
def _tree(size: Catalogue) -> ClassTree:
    edges: list[tuple[str, str]] = []
    leaves: list[str] = []
    todo = [(ROOT, int(size.classes), 0)]
    while todo:
        name, count, depth = todo.pop()
        if count == 1 and depth >= SHALLOWEST:
            leaves.append(name)
            continue
        own = numbers.key(size.seed, len(edges))
        parts = _parts(count, depth, own)
        start = "C" if depth == 0 else f"{name}-"
        children = [(f"{start}{i + 1}", n, depth + 1) for i, n in enumerate(parts)]
        edges += [(name, child) for child, _, _ in children]
        todo += children[::-1]  # the first child is next, so classes are numbered in tree order
    return ClassTree(edges, leaves, f"drawn_catalogue, {size.classes:,} classes")


def _parts(count: int, depth: int, own: np.ndarray) -> list[int]:
    """How many classes each child of a node with `count` classes has."""
    left = 6 - depth  # most classes end six levels below the root
    if depth == DEEPEST - 1 or (left <= 1 and count <= 12):
        return [1] * count
    drawn = numbers.uniform(own, 1 + count)[0]
    wanted = count ** (1 / max(left, 2)) * (0.6 + 0.9 * drawn[0])
    # A class alone in its branch before the fifth level would end above it.
    most = count if depth >= SHALLOWEST - 1 else max(1, count // 2)
    children = min(max(2, round(wanted)), most)
    weights = 0.15 + drawn[1 : children + 1] ** 2
    least = 1 if depth >= SHALLOWEST - 1 else min(2, count // children)
    spare = count - least * children
    ends = np.cumsum(weights)
    ends = np.rint(ends / ends[-1] * spare).astype(int)
    return (least + np.diff(ends, prepend=0)).tolist()
