"""From a hypernym graph, where a node may have several parents, to the edges of one tree."""

from __future__ import annotations

from collections.abc import Sequence

from keras_haframe.tree.validation import check_name, unknown_name


def tree_edges(
    pairs: Sequence[tuple[str, str]], leaves: Sequence[str], prune: bool
) -> list[tuple[str, str]]:
    """Choose one parent per node and keep what lies above the classes.

    Args:
        pairs: `(hypernym, hyponym)` pairs.
        leaves: Class names.
        prune: Drop inner nodes (the root included) that have a single child.

    Returns:
        `(parent, child)` edges from the root to the classes.

    Raises:
        ValueError: For malformed pairs, a class not in the graph, or a cycle.
    """
    parents_of: dict[str, list[str]] = {}
    children_of: dict[str, list[str]] = {}
    for i, pair in enumerate(pairs):
        if len(pair) != 2:
            raise ValueError(f"Every pair must be (hypernym, hyponym). Received: pairs[{i}]={pair}")
        parent, child = (check_name(n, f"pairs[{i}]") for n in pair)
        parents_of.setdefault(child, []).append(parent)
        children_of.setdefault(parent, []).append(child)

    # Breadth first from the tops, so the first visit of a node is by its shortest way up.
    parent_of: dict[str, str | None] = {n: None for n in children_of if n not in parents_of}
    frontier = list(parent_of)
    while frontier:
        reached = []
        for node in frontier:
            for child in children_of.get(node, ()):
                if child not in parent_of:
                    parent_of[child] = node
                    reached.append(child)
        frontier = reached

    kept: dict[str, list[str]] = {}
    for leaf in leaves:
        if leaf not in parent_of:
            if leaf in parents_of:
                raise ValueError(f"The hypernyms of {leaf!r} form a cycle: none leads to a top.")
            raise ValueError(unknown_name(leaf, {*parents_of, *children_of}, "node of the pairs"))
        node = leaf
        while (parent := parent_of[node]) is not None:
            known = parent in kept
            siblings = kept.setdefault(parent, [])
            if node not in siblings:
                siblings.append(node)
            if known:
                break
            node = parent
    if prune:
        classes = set(leaves)
        single = {n: c[0] for n, c in kept.items() if len(c) == 1 and n not in classes}

        def end(node: str) -> str:
            while node in single:
                node = single[node]
            return node

        kept = {n: [end(c) for c in cs] for n, cs in kept.items() if n not in single}
    return [(parent, child) for parent, children in kept.items() for child in children]
