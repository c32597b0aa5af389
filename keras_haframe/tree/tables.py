"""Readers of tables: CSV files, and data frames with a column per level.

Each public function becomes a class method of `ClassTree`, so `cls` is that class.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keras_haframe.tree.columns import find_levels
from keras_haframe.tree.csv_files import Table, read_table
from keras_haframe.tree.level_order import conflict
from keras_haframe.tree.prefixes import tree_of_prefixes
from keras_haframe.tree.validation import check_path, unknown_name

if TYPE_CHECKING:
    from keras_haframe.tree.class_tree import ClassTree


def from_csv(
    cls: type[ClassTree],
    path: str | os.PathLike,
    root: str = "root",
    name: str | None = None,
    *,
    columns: Sequence[str | int] | None = None,
    separator: str | None = None,
    header: bool | None = None,
) -> ClassTree:
    r"""Make a tree from a CSV file.

    With the columns `parent` and `child`, every line is an edge (classes in order of appearance); a
    line with a blank parent names the root. Otherwise the columns are the levels, in either order:
    titles that are ranks (kingdom, ..., species) say it, else the values do, as every class has one
    group but a group several classes; where they cannot, an error asks for `columns`. Blank cells
    are left out, so a line may lack ranks.

    Lines with the same class count once: a table with a line per image, and columns of files, is
    read too. Classes are in the order of their first line, or in that of a column `label`, `id` or
    `index` which numbers them from 0 or 1. `tree.source` and `str(tree)` say what was understood.

    Args:
        path: The file, UTF-8 (or UTF-16 with a byte-order mark).
        root: Name of the root above the coarsest column.
        name: Name of the tree; the file's name by default.
        columns: Names of the level columns, coarsest first; their numbers where there is no header.
        separator: What separates cells, one character; by default the comma, semicolon, tab or bar
            that fits all lines.
        header: Whether the first line holds titles; found by default.

    Returns:
        A `ClassTree`.

    Raises:
        ValueError: For a file whose separator, levels or order cannot be told; the message names the
            argument that says it. For lines of different lengths, and all that `ClassTree` refuses.

    Warns:
        UserWarning: If the columns were found to go from the coarsest to the finest by their values
            alone; if a name has several parents (each is a node of its own); if lines repeat where
            no column tells why; if `columns` seem to be turned around.

    Example:

    >>> with open("birds.csv", "w") as file:
    ...     print("family;species", "Laridae;gull", "Laridae;tern", "Strigidae;owl", sep="\n", file=file)
    >>> tree = ClassTree.from_csv("birds.csv")
    >>> tree.path("owl"), tree.source
    (['root', 'Strigidae', 'owl'], 'birds.csv: separated by semicolons, with a header, levels family > species')
    """  # noqa: E501
    table = read_table(path, separator, header)
    name = name or check_path(path).stem
    titles = [title.lower() for title in table.header or ()]
    if columns is None and "parent" in titles and "child" in titles:
        edges = edge_list(table, titles.index("parent"), titles.index("child"))
        tree = cls(edges, None, name)
        tree.source = f"{path}: {table.dialect}, edges"
        return tree
    return _from_levels(cls, table, columns, root, name)


def from_table(
    cls: type[ClassTree],
    table: Any,
    columns: Sequence[str] | None = None,
    root: str = "root",
    name: str | None = None,
) -> ClassTree:
    """Make a tree from a data frame with a column per level, as `from_csv` reads files.

    Args:
        table: A pandas or Polars `DataFrame`, or a dictionary of columns: text or integers, with
            `None` or NaN for blank cells.
        columns: Names of the level columns, coarsest first; found by default, as in `from_csv`.
        root: Name of the root above the coarsest column.
        name: Name of the tree.

    Returns:
        A `ClassTree`.

    Raises:
        ValueError: If `table` has no columns or they are of unequal length, if a level has values
            that are neither text nor integers, and as `from_csv` does.

    Example:

    >>> table = {"family": ["Laridae", "Laridae", "Strigidae"], "species": ["gull", "tern", "owl"]}
    >>> ClassTree.from_table(table).path("owl")
    ['root', 'Strigidae', 'owl']
    """
    titles = list(table) if isinstance(table, Mapping) else list(getattr(table, "columns", ()))
    if not titles:
        raise ValueError(
            "`table` must be a data frame or a dictionary of columns. Received: "
            f"{type(table).__name__}"
        )
    if len(set(map(str, titles))) < len(titles):
        raise ValueError(f"`table` has two columns of one name. Received columns: {titles}")
    named = {str(t).strip(): t for t in titles}
    for column in columns or ():
        if str(column) not in named:
            raise ValueError(
                f"`columns`: {unknown_name(str(column), named, 'column of the table')}"
            )
    wanted = titles if columns is None else [named[str(column)] for column in columns]
    cells = [_cells(table[t], str(t), strict=columns is not None) for t in wanted]
    if len({len(c) for c in cells}) > 1 or (cells and not cells[0]):
        sizes = [len(c) for c in cells]
        raise ValueError(f"Columns of `table` must be of one length, not empty. Received: {sizes}")
    rows = [list(row) for row in zip(*cells)] if cells else [[]]
    text = Table("table", [str(t).strip() for t in wanted], rows, list(range(len(rows))))
    columns = None if columns is None else [str(column) for column in columns]
    return _from_levels(cls, text, columns, root, name)


def edge_list(table: Table, parent: int, child: int) -> list[tuple[str, str]]:
    """`(parent, child)` of every line; a line without a parent names a root."""
    edges = [(row[parent], row[child]) for row in table.rows]
    parents = {above for above, _ in edges}
    for (above, below), line in zip(edges, table.lines):
        if not above and below not in parents:
            raise ValueError(
                f"{table.title}: line {line} gives {below!r} no parent, and nothing lies below it."
            )
    return [(above, below) for above, below in edges if above]


def _from_levels(
    cls: type[ClassTree],
    table: Table,
    columns: Sequence[str | int] | None,
    root: str,
    name: str | None,
) -> ClassTree:
    levels = find_levels(table, columns)
    order = levels.columns
    notes = [table.dialect, levels.note]
    turned = len(order) > 1 and order[0] < order[-1]
    if not levels.known and turned:
        _warn(f"{table.title}: columns are read from the coarsest to the finest, {levels.note}.")
    twice = conflict(table, order)
    if twice and columns is not None and not conflict(table, order[::-1]):
        _warn(
            f"{table.title}: {twice}, but the other way round the columns nest. `columns` go from "
            "the coarsest to the finest: are they turned around?"
        )
    elif twice:
        _warn(
            f"{table.title}: {twice}: they are read as two nodes. `haframe tree doctor` lists all "
            "such names."
        )
    paths: dict[tuple[str, ...], str] = {}
    for row, line in zip(table.rows, table.lines):
        path = tuple(row[c] for c in order if row[c])
        if not path:
            raise ValueError(
                f"{table.title}: line {line} names no class: all its levels are blank."
            )
        number = row[levels.numbers] if levels.numbers is not None else ""
        if paths.setdefault(path, number) != number:
            numbered = table.column(levels.numbers or 0)
            raise ValueError(
                f"{table.title}: line {line} gives the class {path[-1]!r} the number {number} in "
                f"{numbered}, a line before {paths[path]}."
            )
    repeated = len(table.rows) - len(paths)
    if repeated:
        notes.append(f"{len(paths)} classes in {len(table.rows)} lines")
        if columns is None and len(order) == len(table.rows[0]):
            _warn(
                f"{table.title}: {repeated} lines repeat a class, which is read once: labels are "
                "not line numbers."
            )
    classes = list(paths)
    if levels.numbers is not None and len(set(paths.values())) == len(paths):
        classes.sort(key=lambda path: int(paths[path]))
        notes.append(f"labels as in {table.column(levels.numbers)}")
    tree = tree_of_prefixes(cls, classes, root, name)
    tree.source = f"{table.title}: {', '.join(filter(None, notes))}"
    return tree


def _cells(values: Any, title: str, strict: bool) -> list[str]:
    """Cells of a column as text; a column that cannot be a level gives its `repr` unless strict."""
    cells = []
    for value in list(values):
        if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
            cells.append("")
        elif isinstance(value, str):
            cells.append(value.strip())
        elif hasattr(value, "__index__") and not isinstance(value, bool):
            cells.append(str(value))
        elif strict:
            raise ValueError(
                f"Levels must be text or integers. Received: {value!r} in the column {title!r}"
            )
        else:
            cells.append(repr(value))
    return cells


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=4)
