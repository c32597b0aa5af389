"""Checks of class trees. Each failure is one `ValueError` that names the culprit."""

from __future__ import annotations

import bisect
import difflib
import os
import pathlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from keras_haframe.text_table import UNFIT

MANY = 10_000  # names that are compared letter by letter


def check_name(name: object, where: str) -> str:
    """Return `name` if it is a non-empty string without control characters."""
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"Node names must be non-empty strings. Received: {where}={name!r}")
    if UNFIT.search(name):
        raise ValueError(
            "Node names must not hold control characters, line breaks or halves of characters. "
            f"Received: {where}={name!a}"
        )
    return str(name)


def are_names(names: Iterable[Any]) -> bool:
    """Whether all are plain texts that `check_name` takes, asked of all at once."""
    names = list(names)
    if not set(map(type, names)) <= {str}:
        return False
    different = dict.fromkeys(names)
    return all(map(str.strip, different)) and not UNFIT.search("".join(different))


def check_path(path: object, name: str = "path") -> pathlib.Path:
    """Return the path of a file or folder; a number would be an open file's."""
    if not isinstance(path, str | os.PathLike) or "\0" in os.fspath(path):
        raise ValueError(f"`{name}` must be the path of a file. Received: {name}={path!r}")
    return pathlib.Path(path)


def check_list(values: Any, name: str, what: str) -> list:
    """Return an iterable as a list; a text is none."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise ValueError(f"`{name}` must be a list {what}. Received: {values!r}")
    return list(values)


def unknown_name(name: str, known: Iterable[str], what: str) -> str:
    """Say that `name` is not known, with the nearest known spelling."""
    near = nearest(str(name), known)
    hint = f" Did you mean {near!r}?" if near else ""
    return f"{name!r} is not a {what}.{hint}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name spelled most like `name`, or `None` if all are far from it.

    Among more than ten thousand names only those that begin or end most like it are looked at.
    """
    known = list(known)
    if len(known) > MANY:
        beside = _beside(name, known)
        known = beside + [n[::-1] for n in _beside(name[::-1], [n[::-1] for n in known])]
    near = difflib.get_close_matches(name, known, n=1)
    return near[0] if near else None


def _beside(name: str, known: Iterable[str]) -> list[str]:
    """Names that stand next to one in the order of the alphabet."""
    order = sorted(known)
    place = bisect.bisect(order, name)
    return order[max(place - MANY // 4, 0) : place + MANY // 4]


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return the first few names, quoted, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(str(n)) for n in names[:most]) + more


def check_edges(edges: Iterable[Sequence[str]]) -> tuple[list, dict, dict]:
    """Read `(parent, child)` pairs.

    Returns:
        `(edges, parent_of, children_of)`: the pairs without repetitions, and the two maps, whose
        keys are in the order in which the edges first name a node.
    """
    if isinstance(edges, (str, bytes)) or not isinstance(edges, Iterable):
        raise ValueError(
            "`edges` must be a list of (parent, child) pairs of node names. "
            f"Received: {type(edges).__name__}"
        )
    unique: dict[tuple[str, str], None] = {}
    parent_of: dict[str, str] = {}
    children_of: dict[str, list[str]] = {}
    for i, edge in enumerate(edges):
        text = isinstance(edge, (str, bytes))
        pair = tuple(edge) if isinstance(edge, Iterable) and not text else ()
        if len(pair) != 2:
            raise ValueError(
                f"Every edge must be a (parent, child) pair. Received: edges[{i}]={edge!r}"
            )
        parent, child = (check_name(n, f"edges[{i}]") for n in pair)
        if (parent, child) in unique:
            continue
        if parent == child:
            raise ValueError(f"The edges form a cycle: {parent!r} is its own parent.")
        if child in parent_of:
            raise ValueError(
                f"Node {child!r} has two parents: {parent_of[child]!r} and {parent!r}. "
                "Every node but the root needs exactly one; if these are two different things, "
                "give them different names."
            )
        unique[parent, child] = None
        parent_of[child] = parent
        children_of.setdefault(parent, []).append(child)
        children_of.setdefault(child, [])
    if not unique:
        raise ValueError("`edges` is empty. A tree needs at least one root and two classes.")
    return list(unique), parent_of, children_of


def check_reachable(parent_of: dict, children_of: dict) -> dict[str, int]:
    """Check for exactly one root and no cycle; return the depth of every node."""
    roots = [n for n in children_of if n not in parent_of]
    depth: dict[str, int] = {}
    stack = [(root, 0) for root in roots]
    while stack:
        node, d = stack.pop()
        depth[node] = d
        stack.extend((child, d + 1) for child in children_of[node])
    lost = next((n for n in children_of if n not in depth), None)
    if lost is not None:
        seen: dict[str, int] = {}
        node = lost
        while node not in seen:
            seen[node] = len(seen)
            node = parent_of[node]
        cycle = [*list(seen)[seen[node] :], node]
        shown = [repr(n) for n in cycle]
        if len(shown) > 8:
            shown = [*shown[:6], f"... ({len(shown) - 7} more)", shown[-1]]
        raise ValueError(f"The edges form a cycle: {' <- '.join(shown)}.")
    if len(roots) > 1:
        some = ", ".join(map(repr, roots[:5])) + (", ..." if len(roots) > 5 else "")
        raise ValueError(
            f"The tree has {len(roots)} roots: {some}. Join them under one node, for example "
            f"with the edges ('root', {roots[0]!r}), ('root', {roots[1]!r})."
        )
    return depth


def check_leaves(
    leaves: Sequence[str] | None, depth: dict, parent_of: dict, children_of: dict
) -> list[str]:
    """Check the class names against the tree; return them in label order."""
    childless = [n for n, children in children_of.items() if not children]
    if leaves is None:
        leaves = childless
    elif isinstance(leaves, (str, bytes)) or not isinstance(leaves, Iterable):
        raise ValueError(
            "`leaves` must be a list of class names in label order. "
            f"Received: {type(leaves).__name__}"
        )
    leaves = [check_name(n, f"leaves[{i}]") for i, n in enumerate(leaves)]
    if len(leaves) < 2:
        raise ValueError(f"A tree needs at least two classes. Received: leaves={leaves}")
    if len(set(leaves)) < len(leaves):
        twice = next(n for n, count in Counter(leaves).items() if count > 1)
        raise ValueError(
            f"Duplicate class {twice!r}: `leaves` lists it more than once. "
            "Every class has one label and one leaf."
        )
    for leaf in leaves:
        if leaf not in depth:
            raise ValueError(
                "`leaves` names a class that is not in the tree: "
                + unknown_name(leaf, childless, "leaf of the edges")
            )
        if children_of[leaf]:
            raise ValueError(
                f"Class {leaf!r} is an inner node: it has children such as "
                f"{children_of[leaf][0]!r}. Classes must be leaves; give the class a leaf of its "
                f"own, for example the edge ({leaf!r}, '{leaf} (other)')."
            )
    if len(leaves) < len(childless):
        listed = set(leaves)
        bare = next(n for n in childless if n not in listed)
        raise ValueError(
            f"Node {bare!r} has no class below it: it has no children and `leaves` does not list "
            "it. Add it to `leaves`, or remove it from the edges."
        )
    return leaves
