"""What differs between two class trees."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_haframe.tree.class_tree import ClassTree


@dataclasses.dataclass(frozen=True)
class TreeDiff:
    """Differences from an old tree to a new one; false where there are none.

    Attributes:
        added_classes, removed_classes: Names of classes that only one tree has.
        added_groups, removed_groups: Names of inner nodes that only one tree has.
        moved: `(node, old parent, new parent)` of nodes in both; no parent (`""`) for a root.
        relabeled: `(class, old label, new label)` of classes in both.
    """

    added_classes: list[str]
    removed_classes: list[str]
    added_groups: list[str]
    removed_groups: list[str]
    moved: list[tuple[str, str, str]]
    relabeled: list[tuple[str, int, int]]

    def __bool__(self) -> bool:
        return any(dataclasses.astuple(self))

    def to_dict(self) -> dict:
        """Return the differences as plain lists by name."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        return "\n".join(self._lines()) or "no difference"

    def _lines(self, most: int = 10) -> list[str]:
        moved = [f"{node}: {old or '(root)'} -> {new or '(root)'}" for node, old, new in self.moved]
        labels = [f"{name}: {old} -> {new}" for name, old, new in self.relabeled]
        parts: list[tuple[str, Sequence[str]]] = [
            ("classes added", self.added_classes),
            ("classes removed", self.removed_classes),
            ("groups added", self.added_groups),
            ("groups removed", self.removed_groups),
            ("moved", moved),
            ("labels changed", labels),
        ]
        lines = []
        for title, found in parts:
            if found:
                lines.append(f"{title} ({len(found)})")
                lines += [f"  {entry}" for entry in found[:most]]
                if len(found) > most:
                    lines.append(f"  ... ({len(found) - most} more)")
        return lines


def diff(tree: ClassTree, other: ClassTree) -> TreeDiff:
    """Return what changes from this tree to another; nodes are the same where their names are.

    Args:
        other: The new tree.

    Returns:
        A `TreeDiff`, which is false where both trees have the same classes in the same order, and
        the same parents.

    Example:

    >>> old = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> new = ClassTree.from_nested({"land": ["car"], "air": ["truck", "jet", "kite"]})
    >>> print(old.diff(new))
    classes added (1)
      kite
    classes removed (1)
      glider
    moved (1)
      truck: land -> air
    """
    if not isinstance(other, type(tree)):
        raise ValueError(f"`other` must be a ClassTree. Received: {type(other).__name__}")
    old, new = _parents(tree), _parents(other)
    classes, new_classes = _labels(tree), _labels(other)
    return TreeDiff(
        [n for n in new_classes if n not in classes],
        [n for n in classes if n not in new_classes],
        [n for n in new if n not in old and n not in new_classes],
        [n for n in old if n not in new and n not in classes],
        [(n, old[n], new[n]) for n in old if n in new and old[n] != new[n]],
        [(n, k, new_classes[n]) for n, k in classes.items() if new_classes.get(n, k) != k],
    )


def _parents(tree: ClassTree) -> dict[str, str]:
    parents = tree.parents.tolist()
    return {n: tree.nodes[p] if p >= 0 else "" for n, p in zip(tree.nodes, parents)}


def _labels(tree: ClassTree) -> dict[str, int]:
    return {name: k for k, name in enumerate(tree.leaves)}
