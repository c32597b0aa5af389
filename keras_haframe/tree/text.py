"""Class trees as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keras_haframe.text_table import visible
from keras_haframe.tree import arrays

if TYPE_CHECKING:
    from keras_haframe.tree.class_tree import ClassTree


def summary(tree: ClassTree) -> str:
    """Name, sizes, nodes at every depth and depth range of the classes."""
    leaf_depths = tree.depths[: tree.num_classes]
    low, high = int(leaf_depths.min()), int(leaf_depths.max())
    # A class that is shallower stands for itself on the deeper levels.
    shallower = np.cumsum(np.bincount(leaf_depths, minlength=tree.height + 1))
    per_depth = np.bincount(tree.depths) + np.append(0, shallower[:-1])
    children = np.bincount(tree.parents[:-1], minlength=tree.num_nodes)[tree.num_classes :]
    depth = f"{low}" if low == high else f"{low} to {high}"
    return "\n".join(
        [
            f"ClassTree {tree.name or '(no name)'}: {tree.num_classes} classes, "
            f"{tree.num_nodes} nodes, height {tree.height}",
            f"  root: {tree.root}",
            f"  nodes per level, root to classes: {', '.join(map(str, per_depth))}",
            f"  depth of the classes: {depth}",
            f"  children per inner node: {children.min()} to {children.max()}, "
            f"{int((children == 1).sum())} with a single child",
            f"  classes: {', '.join(tree.leaves[:4])}{', ...' if tree.num_classes > 4 else ''}",
            *([f"  read from {visible(tree.source)}"] if tree.source else []),
        ]
    )


def render(tree: ClassTree, max_lines: int = 60) -> str:
    """Draw the tree with box characters, root first, classes with their label."""
    integer = isinstance(max_lines, (int, np.integer)) and not isinstance(max_lines, bool)
    if not integer or max_lines < 1:
        raise ValueError(
            f"`max_lines` must be an integer of at least 1. Received: max_lines={max_lines!r}"
        )
    children = arrays.Children(tree)
    lines: list[str] = []
    stack: list[tuple[int, str, str]] = [(tree.num_nodes - 1, "", "")]
    while stack and len(lines) < max_lines:
        node, lead, below = stack.pop()
        label = f" [{node}]" if node < tree.num_classes else ""
        lines.append(f"{lead}{tree.nodes[node]}{label}")
        below_it = children[node].tolist()
        rows = [(child, below + "├── ", below + "│   ") for child in below_it[:-1]]
        rows += [(child, below + "└── ", below + "    ") for child in below_it[-1:]]
        stack.extend(rows[::-1])
    if stack:
        lines[-1] = f"... ({tree.num_nodes - len(lines) + 1} more nodes)"
    return "\n".join(lines)
