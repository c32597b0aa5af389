"""The edges of a tree as a file has them, before anything is refused."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from keras_haframe.tree.class_tree import ClassTree
from keras_haframe.tree.columns import find_levels, level_columns
from keras_haframe.tree.config import classes_of, edges_of, is_compact
from keras_haframe.tree.csv_files import Table, read_table
from keras_haframe.tree.files import find_format, read
from keras_haframe.tree.level_order import conflicts
from keras_haframe.tree.ranks import rank
from keras_haframe.tree.readers import read_json

Node = tuple[int, str]  # the number of its column (0 in lists of edges) and its name


@dataclasses.dataclass
class RawTree:
    """Edges as they are written.

    Attributes:
        title: What it was read from.
        edges: `(parent, child)` nodes, once for every time they are written.
        leaves: Classes in label order, with repetitions; `None` where the childless nodes are.
        titles: Names of the columns; one for a list of edges.
        blanks: By column, how many lines lack it while they have a finer one.
    """

    title: str
    edges: list[tuple[Node, Node]]
    leaves: list[Node] | None
    titles: list[str]
    blanks: dict[str, int] = dataclasses.field(default_factory=dict)


def read_raw(source: Any, **options: Any) -> RawTree:
    """Read a file, a `ClassTree` or a list of edges.

    Raises:
        ValueError: If it cannot be read at all, or its levels cannot be told.
    """
    if isinstance(source, ClassTree):
        return of_edges(source.edges, source.leaves, source.name or "tree")
    if not isinstance(source, (str, os.PathLike)):
        return of_edges(source, None, "edges")
    kind = find_format(source)
    if kind == "csv":
        return of_table(source, **options)
    content = read_json(source) if kind == "json" else None
    if is_compact(content):
        return of_edges(edges_of(content), classes_of(content), str(source))
    if isinstance(content, Mapping) and isinstance(content.get("edges"), list):
        return of_edges(content["edges"], content.get("leaves"), str(source))
    raw = read_raw(read(source, kind))
    raw.title = str(source)
    return raw


def of_edges(edges: Iterable[Sequence[str]], leaves: Sequence[str] | None, title: str) -> RawTree:
    """Take `(parent, child)` pairs."""
    pairs = [tuple(edge) for edge in edges]
    wrong = next((p for p in pairs if len(p) != 2 or not all(isinstance(n, str) for n in p)), None)
    if wrong is not None:
        raise ValueError(f"{title}: every edge must be a pair of names. Received: {wrong!r}")
    return RawTree(
        title,
        [((0, above), (0, below)) for above, below in pairs],
        None if leaves is None else [(0, str(leaf)) for leaf in leaves],
        [""],
    )


def of_table(
    path: str | os.PathLike,
    columns: Sequence[str | int] | None = None,
    separator: str | None = None,
    header: bool | None = None,
) -> RawTree:
    """Read a CSV file of edges or of levels; where values contradict, the better order is taken."""
    raw = read_table(path, separator, header, strip=False)
    table = dataclasses.replace(raw, rows=[[cell.strip() for cell in row] for row in raw.rows])
    titles = [title.lower() for title in table.header or ()]
    if columns is None and "parent" in titles and "child" in titles:
        p, c = titles.index("parent"), titles.index("child")
        return of_edges([(row[p], row[c]) for row in raw.rows if row[p].strip()], None, str(path))
    order = _order(table, columns)
    top: Node = (-1, "root")
    edges: list[tuple[Node, Node]] = []
    leaves: list[Node] = []
    blanks: dict[str, int] = {}
    for row in raw.rows:
        filled = [(i, row[c]) for i, c in enumerate(order) if row[c].strip()]
        edges += list(zip([top, *filled], filled))
        leaves += filled[-1:]
        for i in range(filled[-1][0] if filled else 0):
            if not row[order[i]].strip():
                name = table.path([order[i]])
                blanks[name] = blanks.get(name, 0) + 1
    tops = {below for above, below in edges if above == top}
    if len(tops) == 1:
        edges = [edge for edge in edges if edge[0] != top]
    return RawTree(str(path), edges, leaves, [table.path([c]) for c in order], blanks)


def _order(table: Table, columns: Sequence[str | int] | None) -> list[int]:
    try:
        return find_levels(table, columns).columns
    except ValueError:
        if columns is not None:
            raise
        candidates, _ = level_columns(table)
        ranks = sum(rank(table.word(c)) is not None for c in candidates)
        down, up = (sum(1 for _ in conflicts(table, c)) for c in (candidates, candidates[::-1]))
        if 1 < ranks < len(candidates) or down == up or 0 in (down, up):
            raise
        return candidates if down < up else candidates[::-1]
