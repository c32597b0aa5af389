"""From a hypernym graph, where a node may have several parents, to the edges of one tree."""

from __future__ import annotations

from collections.abc import Sequence

from keras_haframe.tree.validation import check_name, unknown_name


def tree_edges(
    pairs: Sequence[Sequence[str]], leaves: Sequence[str], prune: bool
) -> list[tuple[str, str]]:
    """Choose one parent per node and keep what lies above the classes.

    Args:
        pairs: `(hypernym, hyponym)` pairs.
        leaves: Class names.
        prune: Drop inner nodes (the root included) that have a single child.

    Returns:
        `(parent, child)` edges from the root to the classes.

    Raises:
        ValueError: For malformed pairs, a class not in the graph, a cycle, or several tops.
    """
    parents_of: dict[str, list[str]] = {}
    children_of: dict[str, list[str]] = {}
    for i, pair in enumerate(pairs):
        if isinstance(pair, str) or not hasattr(pair, "__len__") or len(pair) != 2:
            raise ValueError(
                f"Every pair must be (hypernym, hyponym). Received: pairs[{i}]={pair!r}"
            )
        parent, child = (check_name(n, f"pairs[{i}]") for n in pair)
        parents_of.setdefault(child, []).append(parent)
        children_of.setdefault(parent, []).append(child)

    # Breadth first from the tops: steps of the shortest way up from every node.
    steps = {n: 0 for n in children_of if n not in parents_of}
    frontier = list(steps)
    while frontier:
        reached = {c: steps[n] + 1 for n in frontier for c in children_of.get(n, ())}
        frontier = [c for c in reached if c not in steps]
        steps.update((c, reached[c]) for c in frontier)

    kept: dict[str, dict[str, None]] = {}  # children in order, each once
    for leaf in leaves:
        if leaf not in steps:
            if leaf in parents_of:
                raise ValueError(f"The hypernyms of {leaf!r} form a cycle: none leads to a top.")
            raise ValueError(unknown_name(leaf, {*parents_of, *children_of}, "node of the pairs"))
        node = leaf
        while steps[node]:
            # The first of those nearest to a top; one caught in a cycle leads nowhere.
            parent = min(parents_of[node], key=lambda n: steps.get(n, len(pairs)))
            known = parent in kept
            siblings = kept.setdefault(parent, {})
            siblings[node] = None
            if known:
                break
            node = parent
    tops = [n for n in kept if not steps[n]]
    if len(tops) > 1:
        raise ValueError(
            f"The classes lead to {len(tops)} different tops: {', '.join(map(repr, tops[:5]))}. "
            f"Join them with pairs such as ('top', {tops[0]!r}), ('top', {tops[1]!r})."
        )
    if prune:
        classes = set(leaves)
        single = {n: next(iter(c)) for n, c in kept.items() if len(c) == 1 and n not in classes}

        def end(node: str) -> str:
            while node in single:
                node = single[node]
            return node

        kept = {n: {end(c): None for c in cs} for n, cs in kept.items() if n not in single}
    return [(parent, child) for parent, children in kept.items() for child in children]
