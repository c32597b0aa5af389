"""Decisions, row by row, with their reasons."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from keras_haframe.text_table import aligned
from keras_haframe.tree import ClassTree

SHOWN = 20  # rows that are printed
# A probability just below the floor is shown below it, not as "0.65 < 0.65".
BELOW = 0.006


class Decision(NamedTuple):
    """The answer to one example: node number, its name, path from the root, probability, reason."""

    node: int
    name: str
    path: list[str]
    probability: float
    reason: str


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Decisions:
    """Answers to all examples; iterable and indexable as `Decision` rows, a table when printed.

    Attributes:
        tree: The class tree.
        node: int64 `[B]`, node numbers as in `tree.nodes`; numbers below K are classes.
        probability: `[B]`, probability of the node.
        best: int64 `[B]`, the class from which the answer was found.
        reason: B texts: `"class"`, or they begin with `"rolled up: "`, `"not on the list: "` or
            `"root: "`.
        floor: The confidence floor, a number, `[B]`, or `None`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> print(decide([[0.5, 0.3, 0.2, 0.0], [0.1, 0.0, 0.9, 0.0]], tree, floor=0.65))
    answer  probability  class  reason
    land          0.800  car    rolled up: best class 0.50 < 0.65
    jet           0.900  jet    class
    """

    tree: ClassTree
    node: np.ndarray
    probability: np.ndarray
    best: np.ndarray
    reason: list[str]
    floor: Any = None

    @property
    def name(self) -> list[str]:
        """Names of the nodes."""
        return [self.tree.nodes[n] for n in self.node.tolist()]

    @property
    def path(self) -> list[list[str]]:
        """Names from the root down to each node."""
        known = {n: self.tree.path(n) for n in np.unique(self.node).tolist()}
        return [known[n] for n in self.node.tolist()]

    def to_dict(self) -> dict[str, list]:
        """Return columns as JSON values: node, name, path, probability, class, reason."""
        return {
            "node": self.node.tolist(),
            "name": self.name,
            "path": self.path,
            "probability": self.probability.astype(float).tolist(),
            "class": [self.tree.leaves[k] for k in self.best.tolist()],
            "reason": self.reason,
        }

    def __len__(self) -> int:
        return len(self.node)

    def __getitem__(self, i: int) -> Decision:
        node = int(self.node[i])
        return Decision(
            node, self.tree.nodes[node], self.tree.path(node), float(self.probability[i]),
            self.reason[i],
        )  # fmt: skip

    def __iter__(self) -> Iterator[Decision]:
        rows = zip(self.node.tolist(), self.name, self.path, self.probability.tolist(), self.reason)
        return (Decision(*row) for row in rows)

    def table(self, rows: int | None = None) -> str:
        """Return the first rows as text; 20 by default."""
        rows = SHOWN if rows is None else rows
        body = [
            [d.name, d.probability, self.tree.leaves[int(self.best[i])], d.reason]
            for i, d in zip(range(rows), self)
        ]
        more = f"\n... and {len(self) - rows:,} more" if len(self) > rows else ""
        return aligned(["answer", "probability", "class", "reason"], body) + more

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        classes = int((self.node < self.tree.num_classes).sum())
        root = int((self.node == self.tree.num_nodes - 1).sum())
        return f"<Decisions on {len(self)} examples: {classes} classes, {root} times the root>"


def reasons(
    tree: ClassTree,
    node: np.ndarray,
    best: np.ndarray,
    listed: np.ndarray,
    probability: np.ndarray,
    floor: np.ndarray,
    possible: np.ndarray,
) -> list[str]:
    """Why each node is the answer; the served graph says the same (`saving/outputs.py`).

    Args:
        tree: A `ClassTree`.
        node: `[B]` answers.
        best: `[B]` classes at the start.
        listed: `[B]` their lowest nodes on the list.
        probability: `[B]` probabilities of the latter.
        floor: `[B]` floors.
        possible: `[B]`, false where the prior leaves no class.
    """
    shown = np.maximum(np.minimum(probability, floor - np.float32(BELOW)), 0).astype(np.float32)
    rows = zip(node.tolist(), best.tolist(), listed.tolist(), shown, floor, possible)
    return [_reason(tree, *row) for row in rows]


def _reason(
    tree: ClassTree, node: int, best: int, listed: int, p: float, floor: float, possible: bool
) -> str:
    root = tree.num_nodes - 1
    if not possible:
        return "root: the prior leaves no class"
    if node == best:
        return "class"
    less = f"{p:.2f} < {floor:.2f}"
    if listed == best:
        return f"{'root' if node == root else 'rolled up'}: best class {less}"
    name, above = tree.nodes[best], tree.nodes[listed]
    if listed == root:
        return f"root: {name} and all its kin are not on the list"
    if node == listed:
        return f"not on the list: {name}; rolled up to {above}"
    if node == root:
        return f"root: {name} is not on the list, {above} {less}"
    return f"not on the list: {name}; rolled up: {above} {less}"
