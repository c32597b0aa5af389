"""Class trees as HTML, for notebooks."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from keras_haframe.tree import arrays

if TYPE_CHECKING:
    from keras_haframe.tree.class_tree import ClassTree

OPEN_UP_TO = 30  # nodes that a tree may have to be shown unfolded


def to_html(tree: ClassTree, max_nodes: int = 500) -> str:
    """Draw the tree as nested HTML lists that unfold, classes with their label.

    Names are escaped. Of a larger tree the `max_nodes` nodes nearest to the root are shown, and how
    many are left out below each.

    Args:
        tree: The tree.
        max_nodes: Most nodes to show, at least 1.
    """
    if max_nodes < 1:
        raise ValueError(f"`max_nodes` must be at least 1. Received: {max_nodes}")
    children = arrays.Children(tree)
    shown = [tree.num_nodes - 1]
    for node in shown:  # grows while it is walked: breadth first
        shown += children[node][: max_nodes - len(shown)].tolist()
    kept, unfold = set(shown), tree.num_nodes <= OPEN_UP_TO
    parts = []
    stack: list[int | str] = [tree.num_nodes - 1]  # nodes to draw, and text to write after them
    while stack:
        entry = stack.pop()
        if isinstance(entry, str):
            parts.append(entry)
            continue
        name, below = html.escape(tree.nodes[entry]), children[entry].tolist()
        if not below:
            parts.append(f"<li>{name} [{entry}]</li>")
            continue
        is_open = " open" if unfold or entry == tree.num_nodes - 1 else ""
        parts.append(f"<li><details{is_open}><summary>{name}</summary><ul>")
        within = [node for node in below if node in kept]
        hidden = len(below) - len(within)
        end = f"<li>... ({hidden} more)</li>" if hidden else ""
        stack += [f"{end}</ul></details></li>", *within[::-1]]
    head = f"{tree.num_classes} classes, {tree.num_nodes} nodes, height {tree.height}"
    title = f"<b>ClassTree</b> {html.escape(tree.name or '')}"
    return f"<div>{title}: {head}<ul>{''.join(parts)}</ul></div>"
