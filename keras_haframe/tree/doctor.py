"""The doctor: everything that is wrong or odd in a tree's file at once, and how to mend it."""

from __future__ import annotations

import dataclasses
import pathlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

from keras_haframe.tree import repairs
from keras_haframe.tree.class_tree import ClassTree
from keras_haframe.tree.raw_tree import Node, RawTree, read_raw
from keras_haframe.tree.validation import listed


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        kind: A few words, such as `"two parents"`.
        level: `"error"`: no tree, or none that can be meant; `"warning"`: probably a mistake;
            `"note"`: worth knowing.
        message: What and where.
        repair: What `Checkup.tree` does about it; "" where only a person can tell.
    """

    kind: str
    level: str
    message: str
    repair: str = ""


@dataclasses.dataclass
class Checkup:
    """What the doctor found.

    Attributes:
        title: What was looked at.
        findings: List of `Finding`, in the order in which they are mended.
        tree: The tree with all proposed repairs; `None` where they are not enough.
    """

    title: str
    findings: list[Finding] = dataclasses.field(default_factory=list)
    tree: ClassTree | None = None

    @property
    def ok(self) -> bool:
        """Whether there are no errors and no warnings."""
        return all(f.level == "note" for f in self.findings)

    @property
    def changes(self) -> list[str]:
        """The repairs that `tree` has."""
        return [f.repair for f in self.findings if f.repair]

    def to_dict(self) -> dict:
        """Return the findings and whether a tree could be made, as plain values."""
        found = [dataclasses.asdict(f) for f in self.findings]
        return {
            "title": self.title, "ok": self.ok, "findings": found,
            "repaired": self.tree is not None,
        }  # fmt: skip

    def __str__(self) -> str:
        lines = [f"{self.title}: {len(self.findings) or 'no'} findings"]
        for f in self.findings:
            lines.append(f"{f.level}: {f.kind}: {f.message}")
            if f.repair:
                lines.append(f"  repair: {f.repair}")
        return "\n".join(lines)


def doctor(source: Any, **options: Any) -> Checkup:
    """Look for all that is wrong or odd in a tree, before `ClassTree` refuses the first of it.

    Found are: stray blanks and control characters, spellings of one name, names one letter apart,
    repeated edges, nodes with two parents, cycles, several roots, classes that are inner nodes or
    not there, groups without a class, chains of single children, missing ranks. Repairs are
    proposed for all where one is likely; nothing is written.

    Args:
        source: A file that `kh.tree.read` reads, a `ClassTree`, or a list of edges.
        **options: `columns`, `separator`, `header` for a CSV file, as in `ClassTree.from_csv`.

    Returns:
        A `Checkup`; its `tree` has the repairs.

    Raises:
        OSError: If the file cannot be opened.

    Example:

    >>> edges = [("birds", "gulls"), ("birds", "owls"), ("gulls", "gull"), ("gulls", "Tern "),
    ...          ("owls", "gull"), ("gulls", "gull"), ("owls", "owl"), ("owls", "eagle-owl")]
    >>> print(doctor(edges))
    edges: 3 findings
    warning: stray blanks: 'Tern ' should be 'Tern'
      repair: 'Tern ' is renamed to 'Tern'
    note: repeated: 1 edges are written more than once
    error: two parents: 'gull' lies below 'gulls' (2 times) and 'owls' (1 times)
      repair: 'gull' stays below 'gulls'
    """
    checkup = Checkup("edges" if not hasattr(source, "__fspath__") else str(source))
    try:
        raw = read_raw(source, **options)
    except ValueError as error:
        checkup.title = str(source) if isinstance(source, str) else checkup.title
        checkup.findings.append(Finding("cannot be read", "error", str(error)))
        return checkup
    checkup.title = raw.title

    def find(kind: str, level: str, message: str, repair: str = "") -> None:
        checkup.findings.append(Finding(kind, level, message, repair))

    for column, count in raw.blanks.items():
        find("missing ranks", "note", f"{count} lines have no {column!r}, but a finer level")
    repairs.mend_names(raw, find)
    parents = repairs.mend_parents(raw, find)
    cycles = repairs.find_cycles(parents, find)
    leaves = repairs.mend_leaves(raw, parents, cycles, find)
    if cycles:
        return checkup
    repairs.mend_roots(parents, find)
    shown = _shown_names(raw, [*parents, *parents.values()])
    edges = [(shown[above], shown[below]) for below, above in parents.items()]
    name = pathlib.Path(raw.title).stem
    try:
        checkup.tree = ClassTree(edges, [shown[leaf] for leaf in leaves], name)
    except ValueError as error:
        find("no tree", "error", str(error))
        return checkup
    chains = [n for n, k in Counter(above for above, _ in edges).items() if k == 1]
    if chains:
        message = f"a level above one node: {listed(chains)}"
        find("single child", "note", message)
    return checkup


def _shown_names(raw: RawTree, nodes: Iterable[Node]) -> dict[Node, str]:
    """Name every node; groups called like another node are shown with their column."""
    nodes = dict.fromkeys(nodes)
    count = Counter(name for _, name in nodes)
    finest = len(raw.titles) - 1
    return {
        (c, name): name if count[name] == 1 or c in (finest, -1) else f"{raw.titles[c]}: {name}"
        for c, name in nodes
    }
