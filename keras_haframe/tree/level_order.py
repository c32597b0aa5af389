"""In which order the level columns of a table go: told by their titles, or by their values."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from keras_haframe.tree.csv_files import Table
from keras_haframe.tree.ranks import rank


def level_order(table: Table, columns: Sequence[int]) -> tuple[list[int], bool]:
    """Return the level columns, coarsest first, and whether their titles say so.

    Raises:
        ValueError: If neither titles nor values tell the order.
    """
    words = [table.word(c) for c in columns]
    twice = next((w for w in words if words.count(w) > 1), None)
    if twice is not None:
        raise ValueError(f"{table.title}: two columns have the title {twice!r}.")
    if len(columns) == 1:
        return list(columns), True
    ranked = sorted((r, c) for c in columns if (r := rank(table.word(c))) is not None)
    by_rank = [c for _, c in ranked]
    if len(ranked) == len(columns):
        if not conflict(table, by_rank) or conflict(table, by_rank[::-1]):
            return by_rank, True
    elif len(ranked) > 1:
        others = ", ".join(table.column(c) for c in columns if c not in by_rank)
        raise ValueError(
            f"{table.title} has columns that are no ranks: {others}. Name the level columns, "
            f"coarsest first, for example {table.argument(by_rank)}."
        )
    return order_by_values(table, columns), False


def order_by_values(table: Table, columns: Sequence[int]) -> list[int]:
    """Find the one order, coarsest first, in which every value has one parent."""
    _check_no_edges(table, columns)
    down, up = list(columns), list(columns)[::-1]
    from_coarsest, from_finest = conflict(table, down), conflict(table, up)
    if from_coarsest and from_finest:
        reason = (
            f"from the coarsest to the finest, {from_coarsest}; from the finest to the coarsest, "
            f"{from_finest}. `haframe tree doctor` lists all such names"
        )
    elif not from_coarsest and not from_finest:
        reason = "either order fits"
    else:
        order = down if from_finest else up
        blank = [line for row, line in zip(table.rows, table.lines) if not row[order[-1]]]
        if blank:
            reason = f"line {blank[0]} has no {table.column(order[-1])}, which would be the class"
        elif _numbers_classes(table, order):
            reason = f"{table.column(order[-1])} may be a number of the class, or its name"
        else:
            return order
    guess = sorted(columns, key=lambda c: len({row[c] for row in table.rows}))
    raise ValueError(
        f"{table.title}: the order of the levels cannot be told: {reason}. Name the level columns, "
        f"coarsest first, for example {table.argument(guess)}."
    )


def conflict(table: Table, order: Sequence[int]) -> str | None:
    """Say which value has two parents where `order` are the levels, coarsest first; else None."""
    columns = [[row[c] for row in table.rows] for c in order]
    if not any("" in column for column in columns):  # then pairs of columns tell, all at once
        pairs = itertools.pairwise(columns)
        if all(len(set(zip(fine, coarse))) == len(set(fine)) for coarse, fine in pairs):
            return None
    return next(conflicts(table, order), None)


def conflicts(table: Table, order: Sequence[int]) -> Iterator[str]:
    """Say for every line which value has another parent than in a line before."""
    parent: dict[tuple[int, str], tuple[int, str] | None] = {}
    for row in table.rows:
        above = None
        for c in order:
            if not row[c]:
                continue
            here = (c, row[c])
            other = parent.setdefault(here, above)
            if other != above:
                two = [repr(p[1]) if p else "none" for p in (other, above)]
                yield f"{row[c]!r} in {table.column(c)} has two parents, {two[0]} and {two[1]}"
            above = here


def _numbers_classes(table: Table, order: list[int]) -> bool:
    """Whether the finest column has a number for every name of the next."""
    pairs = {(row[order[-1]], row[order[-2]]) for row in table.rows}
    names = {name for _, name in pairs}
    digits = all(number.isdecimal() for number, _ in pairs)
    return digits and len(names) == len(pairs) and not any(n.isdecimal() for n in names)


def _check_no_edges(table: Table, columns: Sequence[int]) -> None:
    """Refuse two columns that look like parent and child."""
    if len(columns) != 2:
        return
    a, b = columns
    left, right = ({row[c] for row in table.rows} - {""} for c in columns)
    own = {row[a] for row in table.rows if row[a] == row[b]}
    both = sorted((left & right) - own)
    if both:
        raise ValueError(
            f"{table.title} looks like a list of edges: {both[0]!r} is in both columns. Put the "
            "header parent,child (or child,parent) above it; if the columns are levels, name them, "
            f"coarsest first, for example {table.argument(columns)}."
        )
