"""From one path per class to a tree in which every node is a path prefix."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_haframe.tree.class_tree import ClassTree

Path = tuple[str, ...]


def tree_of_prefixes(
    cls: type[ClassTree], paths: Sequence[Path], root: str, name: str | None
) -> ClassTree:
    """Make the tree in which a node is a path prefix, so equal names in two branches may differ.

    Args:
        cls: The class to make, `ClassTree`.
        paths: One path per class in label order, coarsest group first.
        root: Name of the node above all paths; not used when all paths begin with the same name.
        name: Name of the tree.

    Raises:
        ValueError: For a path given twice, or one that continues another.
    """
    if len(set(paths)) < len(paths):
        twice = next(p for p, n in Counter(paths).items() if n > 1)
        raise ValueError(f"Duplicate class: the path {'/'.join(twice)!r} is given more than once.")
    if len(paths) > 1 and all(len(p) > 1 and p[0] == paths[0][0] for p in paths):
        root = paths[0][0]
        paths = [p[1:] for p in paths]
    nodes, leaves = _prefixes(paths), set(paths)
    if not leaves.isdisjoint(node[:-1] for node in nodes):
        above, path = next((p[:i], p) for p in paths for i in range(1, len(p)) if p[:i] in leaves)
        raise ValueError(
            f"Class {'/'.join(above)!r} is an inner node: {'/'.join(path)!r} lies below it. "
            "Classes must be leaves."
        )
    shown = shown_names(nodes, leaves, root)
    edges = [(shown[node[:-1]], shown[node]) for node in nodes]
    return cls(edges, [shown[p] for p in paths], name)


def _prefixes(paths: Sequence[Path]) -> list[Path]:
    """All prefixes, each once, in the order in which the paths first have them."""
    numbers: dict[tuple[int, str], int] = {}  # of a node: its parent's number and its last part
    found: list[Path] = []
    for path in paths:
        node = -1
        for i, part in enumerate(path, 1):
            below = numbers.setdefault((node, part), len(found))
            if below == len(found):
                found.append(path[:i])
            node = below
    return found


def shown_names(nodes: Collection[Path], leaves: set[Path], root: str) -> dict[Path, str]:
    """Name every node: its last part where that is unambiguous, else its path.

    Classes choose first, so a class keeps its name where a group is called the same.
    """
    leaf_names = Counter(p[-1] for p in leaves)
    all_names = Counter(p[-1] for p in nodes)
    shown: dict[Path, str] = {(): root}
    taken = {root}
    for of_classes in (True, False):
        count = leaf_names if of_classes else all_names
        for node in nodes:
            if (node in leaves) != of_classes:
                continue
            chosen = node[-1]
            if count[chosen] > 1 or chosen in taken:
                # A node just below the root is its own path: the next resort begins at the root.
                whole = "/".join((root, *node))
                numbered = (f"{whole} ({i})" for i in itertools.count(2))
                choices = itertools.chain(("/".join(node), whole), numbered)
                chosen = next(c for c in choices if c not in taken)
            shown[node] = chosen
            taken.add(chosen)
    return shown
