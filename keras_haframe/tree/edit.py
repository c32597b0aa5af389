"""New trees from old ones: parts, fewer levels, other label orders, unions.

Each public function becomes a method of `ClassTree` and returns a new tree; models that were made
with the old one keep it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_haframe.tree.validation import check_list, check_name, nearest

if TYPE_CHECKING:
    from keras_haframe.tree.class_tree import ClassTree


def prune_chains(tree: ClassTree) -> ClassTree:
    """Return a tree without inner nodes that have a single child (the root included).

    Such nodes tell no classes apart, but count as a level in every distance above them.

    Example:

    >>> tree = ClassTree([("life", "birds"), ("birds", "gulls"), ("gulls", "gull"), ("birds", "owl")])
    >>> tree.prune_chains().path("gull")
    ['birds', 'gull']
    """  # noqa: E501
    children = np.bincount(tree.parents[:-1], minlength=tree.num_nodes)
    return _with_nodes(tree, children != 1, tree.num_nodes)


def subtree(tree: ClassTree, node: str) -> ClassTree:
    """Return the tree below an inner node, which becomes its root; classes in their order.

    Raises:
        ValueError: If there is no such node, or fewer than two classes are below it.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> tree.subtree("air").leaves
    ['jet', 'glider']
    """
    top = tree.index(node)
    kept = _below(tree, [top])
    return _with_nodes(tree, kept, top)


def keep(tree: ClassTree, nodes: Iterable[str]) -> ClassTree:
    """Return the tree of some classes, in their order, with all that lies above them.

    Args:
        nodes: Names of classes; of an inner node for all classes below it.

    Raises:
        ValueError: For an unknown name, or if fewer than two classes are left.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> tree.keep(["air", "car"]).leaves
    ['car', 'jet', 'glider']
    """
    nodes = check_list(nodes, "nodes", "of names")
    wanted = _below(tree, [tree.index(node) for node in nodes])[: tree.num_classes]
    kept = np.zeros(tree.num_nodes, bool)
    kept[tree.paths[wanted]] = True
    return _with_nodes(tree, kept, tree.num_nodes)


def reorder(tree: ClassTree, class_names: Sequence[str]) -> ClassTree:
    """Return the same tree with the classes in another label order.

    For labels that are numbered already, such as the `class_names` of a data set.

    Args:
        class_names: All classes of the tree, each once: class `k` becomes `class_names[k]`.

    Raises:
        ValueError: If the names are not those of the classes; it lists what is missing and what is
            unknown, with near spellings.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> tree.reorder(["car", "glider", "jet", "truck"]).leaves
    ['car', 'glider', 'jet', 'truck']
    """
    if isinstance(class_names, (str, bytes)):
        raise ValueError(f"`class_names` must be a list of names. Received: {class_names!r}")
    given = check_list(class_names, "class_names", "of class names")
    names = [check_name(n, f"class_names[{i}]") for i, n in enumerate(given)]
    twice = [n for n, count in Counter(names).items() if count > 1]
    known_names = set(names)
    missing, known = [n for n in tree.leaves if n not in known_names], set(tree.leaves)
    unknown = [n for n in names if n not in known]
    if twice or missing or unknown:
        raise ValueError(
            "`class_names` must be the classes of the tree, each once. "
            + " ".join(
                f"{word}: {_some(found)}."
                for word, found in (
                    ("Missing", list(map(repr, missing))),
                    (
                        "Not classes of the tree",
                        [*(_near(n, missing) for n in unknown[:5]), *unknown[5:]],
                    ),
                    ("Repeated", list(map(repr, twice))),
                )
                if found
            )
        )
    return type(tree)(tree.edges, names, tree.name)


def merge(tree: ClassTree, other: ClassTree) -> ClassTree:
    """Return the union of two trees: nodes of one name are one node.

    Args:
        other: A tree with the same root, or whose root is a node of this one (it is put there), or
            the other way round.

    Returns:
        A tree with the classes of this tree, then the new ones of `other`, in their order.

    Raises:
        ValueError: If the roots have no place in the other tree, a node would have two parents, or
            a class of one tree is an inner node of the other.

    Example:

    >>> birds = ClassTree.from_nested({"birds": {"gulls": ["gull", "tern"]}})
    >>> owls = ClassTree.from_nested({"birds": {"owls": ["owl", "gull owl"]}})
    >>> birds.merge(owls).leaves
    ['gull', 'tern', 'owl', 'gull owl']
    """
    if not isinstance(other, type(tree)):
        raise ValueError(f"`other` must be a ClassTree. Received: {type(other).__name__}")
    known = set(tree.leaves)
    leaves = tree.leaves + [leaf for leaf in other.leaves if leaf not in known]
    return type(tree)([*tree.edges, *other.edges], leaves, tree.name)


def _below(tree: ClassTree, tops: Sequence[int]) -> np.ndarray:
    """`[N]`, bool: the node is one of `tops` or lies below one."""
    found = np.zeros(tree.num_nodes, bool)
    found[list(tops)] = True
    for nodes in tree.by_depth[1:]:
        found[nodes] |= found[tree.parents[nodes]]
    return found


def _with_nodes(tree: ClassTree, kept: np.ndarray, top: int) -> ClassTree:
    """Return the tree of the nodes `kept`, each below the nearest kept one; nodes keep their order.

    `top` is the root to be, or N where it is the uppermost kept node.
    """
    above = np.full(tree.num_nodes, -1)  # of each node, the nearest kept one
    for nodes in tree.by_depth[1:]:
        parents = tree.parents[nodes]
        above[nodes] = np.where(kept[parents], parents, above[parents])
    order = np.concatenate([n[n >= tree.num_classes] for n in tree.by_depth])
    order = np.concatenate([order, np.arange(tree.num_classes)])
    order = order[kept[order] & (order != top)]
    edges = [(tree.nodes[above[n]], tree.nodes[n]) for n in order.tolist() if above[n] >= 0]
    leaves = [tree.leaves[k] for k in np.flatnonzero(kept[: tree.num_classes]).tolist()]
    if len(leaves) < 2:
        raise ValueError(f"A tree needs at least two classes. Left are: {leaves}")
    return type(tree)(edges, leaves, tree.name)


def _near(name: str, missing: Sequence[str]) -> str:
    near = nearest(name, missing)
    return f"{name!r} (near {near!r})" if near else repr(name)


def _some(found: Sequence[str], most: int = 5) -> str:
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more
