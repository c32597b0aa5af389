"""Which columns of a table are the levels of a tree, and which of them is the finest."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from keras_haframe.tree.csv_files import Table
from keras_haframe.tree.folders import IMAGE_SUFFIXES
from keras_haframe.tree.level_order import level_order
from keras_haframe.tree.ranks import NUMBERS, OF_EXAMPLES, OTHER_NAMES
from keras_haframe.tree.validation import unknown_name


@dataclasses.dataclass
class Levels:
    """What was understood of a table.

    Attributes:
        columns: Numbers of the level columns, coarsest first.
        numbers: Column of class numbers from 0 or 1 up, if there is one.
        known: Whether titles or the caller said the order, not only the values.
        note: One line of text.
    """

    columns: list[int]
    numbers: int | None
    known: bool
    note: str


def find_levels(table: Table, columns: Sequence[str | int] | None = None) -> Levels:
    """Find the level columns of a table and their order.

    Titles that are all ranks of biology (or `level 0`, `level 1`, ...) tell the order. Otherwise
    the values do: levels go from the finest to the coarsest or the other way round, every value has
    one parent, and the finest column has no blank cell.

    Args:
        table: A `Table`.
        columns: Names or numbers of the level columns, coarsest first, if the caller knows them.

    Raises:
        ValueError: If the order cannot be told, with the reasons and the argument that says it; for
            unknown or repeated columns.
    """
    if columns is not None:
        order = named_columns(table, columns)
        return Levels(order, None, True, f"levels {table.path(order)}, as told")
    candidates, left_out = level_columns(table)
    order, known = level_order(table, candidates)
    _check_left_out(table, order, left_out)
    note = f"levels {table.path(order)}"
    if left_out:
        note += f", without {', '.join(table.column(c) for c in left_out)}"
    numbers = next((c for c in left_out if table.word(c) in NUMBERS and counts(table, c)), None)
    return Levels(order, numbers, known, note)


def named_columns(table: Table, columns: Sequence[str | int]) -> list[int]:
    """Numbers of the columns that the caller named."""
    if isinstance(columns, (str, bytes)) or not isinstance(columns, Sequence) or not columns:
        raise ValueError(
            "`columns` must be a list of the names of level columns, coarsest first (their numbers "
            f"from 0 where there is no header). Received: columns={columns!r}"
        )
    names = table.header or [str(i) for i in range(len(table.rows[0]))]
    found = []
    for column in columns:
        if isinstance(column, int) and not isinstance(column, bool) and 0 <= column < len(names):
            found.append(column)
        elif isinstance(column, str) and names.count(column.strip()) == 1:
            found.append(names.index(column.strip()))
        else:
            what = f"column of {table.title}, which has {', '.join(map(repr, names))}"
            raise ValueError(f"`columns`: {unknown_name(str(column), names, what)}")
    if len(set(found)) < len(found):
        raise ValueError(f"`columns` names a column twice. Received: columns={columns!r}")
    return found


def level_columns(table: Table) -> tuple[list[int], list[int]]:
    """Columns that may be levels, and those left out: of files, of numbers, of other names."""
    candidates: list[int] = []
    left_out: list[int] = []
    for c in range(len(table.rows[0])):
        values = [row[c] for row in table.rows if row[c]]
        is_file = bool(values) and all(v.lower().endswith(IMAGE_SUFFIXES) for v in values)
        word = table.word(c)
        listed = word in OF_EXAMPLES or word in OTHER_NAMES
        if word == "" and table.header:  # as pandas writes its index
            listed = counts(table, c) or not values
        elif word in NUMBERS and table.header:
            listed = all(v.isdecimal() for v in values)
        (left_out if is_file or listed or not values else candidates).append(c)
    if not candidates:
        raise ValueError(
            f"{table.title} has no column of class names. It has "
            f"{', '.join(table.column(c) for c in left_out)}. Name the level columns, coarsest "
            "first: columns=[...]."
        )
    return candidates, left_out


def counts(table: Table, c: int) -> bool:
    """Whether a column holds whole numbers from 0 or 1 up without a gap."""
    values = {row[c] for row in table.rows}
    if not all(v.isdecimal() for v in values):
        return False
    numbers = sorted(map(int, values))
    return numbers[0] in (0, 1) and numbers[-1] - numbers[0] + 1 == len(numbers)


def _check_left_out(table: Table, order: list[int], left_out: list[int]) -> None:
    """Refuse to guess where a column left out tells classes apart that the levels do not."""
    of_class = [c for c in left_out if table.word(c) not in OF_EXAMPLES]
    of_class = [
        c
        for c in of_class
        if not all(row[c].lower().endswith(IMAGE_SUFFIXES) for row in table.rows)
    ]
    known: dict[tuple[str, ...], tuple[str, ...]] = {}
    if not of_class:
        return
    for row, line in zip(table.rows, table.lines):
        here = tuple(row[c] for c in order)
        other = known.setdefault(here, tuple(row[c] for c in of_class))
        if other != tuple(row[c] for c in of_class):
            names = ", ".join(table.column(c) for c in of_class)
            raise ValueError(
                f"{table.title}: the classes are not clear: line {line} repeats the levels "
                f"{table.path(order)} with another {names}. Name the level columns, coarsest "
                f"first: {table.argument(order)} if every such combination is one class."
            )
