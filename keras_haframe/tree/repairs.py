"""What the doctor looks for: each function tells what it finds and mends what it can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from keras_haframe.tree.near_names import one_letter_apart, same_spelling, tidy
from keras_haframe.tree.raw_tree import Node, RawTree
from keras_haframe.tree.validation import listed

Find = Callable[..., None]


def mend_names(raw: RawTree, find: Find) -> None:
    """Tidy names, take one spelling of each, tell of names that are near."""
    count: Counter[Node] = Counter(node for edge in raw.edges for node in edge)
    count.update(set(raw.leaves or ()) - set(count))
    new = {node: (node[0], tidy(node[1])) for node in count}
    for node, other in new.items():
        if node != other and other[1]:
            message = f"{node[1]!a} should be {other[1]!r}"
            find("stray blanks", "warning", message, f"{node[1]!a} is renamed to {other[1]!r}")
        elif not other[1]:
            message = f"a name is blank: {node[1]!a}"
            find("blank name", "error", message, "edges with a blank name are taken out")
    times: Counter[Node] = Counter()
    for node, k in count.items():
        times[new[node]] += k
    spelled: dict[Node, Node] = {}
    for group in sorted({column for column, _ in times}):
        names = [name for column, name in times if column == group and name]
        for same in same_spelling(names):
            best = max(same, key=lambda name: times[group, name])
            spelled.update(((group, name), (group, best)) for name in same)
            others = ", ".join(repr(name) for name in same if name != best)
            find(
                "spelling", "warning", f"{', '.join(map(repr, same))} are probably one name",
                f"{others} renamed to {best!r}",
            )  # fmt: skip
        left = [n for n in names if spelled.get((group, n), (group, n))[1] == n]
        for a, b in one_letter_apart(left):
            find("near names", "warning", f"{a!r} and {b!r} are one letter apart")

    def mended(node: Node) -> Node:
        return spelled.get(new[node], new[node])

    edges = [(mended(above), mended(below)) for above, below in raw.edges]
    raw.edges = [edge for edge in edges if edge[0][1] and edge[1][1]]
    if raw.leaves is not None:
        raw.leaves = [leaf for leaf in map(mended, raw.leaves) if leaf[1]]


def mend_parents(raw: RawTree, find: Find) -> dict[Node, Node]:
    """Return one parent of every node: the one most often written, the first of equals."""
    counts: dict[Node, Counter[Node]] = {}
    for parent, child in raw.edges:
        counts.setdefault(child, Counter())[parent] += 1
    repeated = sum(k > 1 for c in counts.values() for k in c.values())
    if repeated and len(raw.titles) == 1:
        find("repeated", "note", f"{repeated} edges are written more than once")
    parents = {}
    for below, above in counts.items():
        if above.pop(below, 0):
            message = f"{below[1]!r} is its own parent"
            find("cycle", "error", message, f"the edge from {below[1]!r} to itself is taken out")
        if len(above) > 1:
            below_what = " and ".join(f"{n[1]!r} ({k} times)" for n, k in above.most_common())
            best = above.most_common(1)[0][0]
            message = f"{below[1]!r} lies below {below_what}"
            find("two parents", "error", message, f"{below[1]!r} stays below {best[1]!r}")
        if above:
            parents[below] = above.most_common(1)[0][0]
    return parents


def mend_leaves(
    raw: RawTree, parents: dict[Node, Node], cycles: set[Node], find: Find
) -> list[Node]:
    """Return the classes, each once, with a leaf of its own for one that is an inner node.

    Nodes that no class is below are taken out of `parents`.
    """
    inner = set(parents.values())
    if raw.leaves is None:
        # A group that has lost its children above is no class.
        groups = {above for above, below in raw.edges if above != below}
        classes = [n for n in dict.fromkeys(n for e in raw.edges for n in e) if n not in groups]
    else:
        classes = list(dict.fromkeys(raw.leaves))
        if len(classes) < len(raw.leaves) and len(raw.titles) == 1:
            twice = next(n[1] for n, k in Counter(raw.leaves).items() if k > 1)
            message = f"{twice!r} is listed more than once"
            find("repeated class", "error", message, f"{twice!r} is listed once")
    leaves = []
    for leaf in classes:
        if leaf in inner:
            own = (leaf[0], f"{leaf[1]} (other)")
            message = f"{leaf[1]!r} is a class, but has children"
            find("class with children", "error", message, f"the class becomes {own[1]!r} below it")
            parents[own] = leaf
            leaves.append(own)
        elif leaf in parents:
            leaves.append(leaf)
        else:
            message = f"{leaf[1]!r} is a class, but has no parent"
            find("class not in the tree", "error", message, f"{leaf[1]!r} is taken out")
    live = set()
    for node in leaves:
        while node not in live:
            live.add(node)
            node = parents.get(node, node)
    bare = [node for node in parents if node not in live and node not in cycles]
    for node in bare:
        del parents[node]
    if bare:
        message = f"no class is below {listed(n[1] for n in bare)}"
        find("no class below", "error", message, f"{listed(n[1] for n in bare)} taken out")
    return leaves


def find_cycles(parents: dict[Node, Node], find: Find) -> set[Node]:
    """Tell of every cycle, whose wrong edge is not to be guessed; return their nodes."""
    seen: dict[Node, Node] = {}
    found: set[Node] = set()
    for start in parents:
        node = start
        while node in parents and node not in seen:
            seen[node] = start
            node = parents[node]
        if node in parents and seen[node] == start:
            around, step = [node], parents[node]
            while step != node:
                around.append(step)
                step = parents[step]
            names = " <- ".join(repr(n[1]) for n in [*around[:8], node])
            find("cycle", "error", f"{names}: take one of these edges out")
            found.update(around)
    return found


def mend_roots(parents: dict[Node, Node], find: Find) -> None:
    """Join several roots below one."""
    roots = [n for n in dict.fromkeys(parents.values()) if n not in parents]
    if len(roots) > 1:
        taken = {name for _, name in (*parents, *roots)}
        top = next(n for n in ("root", "all", "the root of all") if n not in taken)
        message = f"there are {len(roots)}: {listed(n[1] for n in roots)}"
        find("several roots", "error", message, f"they are put below a new root {top!r}")
        parents.update((root, (-1, top)) for root in roots)
