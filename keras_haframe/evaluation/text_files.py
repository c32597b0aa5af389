"""Tables of numbers in text files."""

from __future__ import annotations

import contextlib
import csv
import pathlib
from collections.abc import Callable, Iterator
from typing import TextIO

import numpy as np


@contextlib.contextmanager
def opened(path: pathlib.Path) -> Iterator[TextIO]:
    """Open a table of text; one that is none is a `ValueError` that names the file."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            yield file
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is not a table of text in UTF-8: {error}") from None


def read_csv(path: pathlib.Path) -> tuple[list[str] | None, Callable, np.ndarray]:
    r"""Read a text table; the separator is the one of `,`, `;` and tab its first line has most.

    With `;` or tabs, a comma in a number is a decimal comma.

    Args:
        path: The file, UTF-8.

    Returns:
        `(names, column, numbers)`: the header, or `None` where the first line is all numbers; a
        function from a column's position to its cells, numbers or texts; and float32 `[n, C]`,
        NaN where a whole column is text.

    Raises:
        ValueError: For an empty file, a line of another length, or a cell that is no number among
            numbers. The message says where.

    Example:

    >>> _ = pathlib.Path("two.csv").write_text("car;jet\n0,5;0,5\n")
    >>> names, column, numbers = read_csv(pathlib.Path("two.csv"))
    >>> names, numbers.tolist()
    (['car', 'jet'], [[0.5, 0.5]])
    """
    with opened(path) as file:
        first = file.readline()
        second = file.readline()
    if not first.strip() or not (second.strip() or _numbers(next(csv.reader([first])))):
        raise ValueError(f"{path} holds no rows.")
    separator = max(",;\t", key=first.count)
    header = [cell.strip() for cell in next(csv.reader([first], delimiter=separator))]
    names = None if _numbers(header) else header
    cells = [c.strip() for c in next(csv.reader([second or first], delimiter=separator))]
    texts = [i for i, cell in enumerate(cells) if not _numbers([cell]) and cell]
    if names and len(cells) != len(names):
        raise ValueError(
            f"{path}: line 2 has {len(cells)} cells, the header {len(names)}: {cells[:5]}"
        )
    kept = [i for i in range(len(header)) if i not in set(texts)]
    numbers = np.full((0, len(header)), np.nan, np.float32)
    if kept:
        found = _read_numbers(path, separator, kept, names is not None)
        numbers = np.full((len(found), len(header)), np.nan, np.float32)
        numbers[:, kept] = found

    def column(i: int) -> np.ndarray:
        if i not in set(texts):
            values = numbers[:, i]
            whole = np.isfinite(values).all() and (values == np.round(values)).all()
            return values.astype(np.int64) if whole else values
        with opened(path) as file:
            lines = csv.reader(file, delimiter=separator)
            if names is not None:
                next(lines)
            rows = [line for line in lines if line]
        short = next((row for row in rows if len(row) <= i), None)
        if short is not None:
            raise ValueError(
                f"{path}: every line must have {len(header)} cells. Received: {short[:5]}"
            )
        return np.array([row[i].strip() for row in rows])

    return names, column, numbers


def _read_numbers(
    path: pathlib.Path, separator: str, columns: list[int], has_header: bool
) -> np.ndarray:
    def lines(file):  # type: ignore[no-untyped-def]
        return file if separator == "," else (line.replace(",", ".") for line in file)

    with opened(path) as file:
        if has_header:
            file.readline()
        try:
            return np.loadtxt(
                lines(file), np.float32, delimiter=separator, usecols=columns, ndmin=2,
                quotechar='"', comments=None,
            )  # fmt: skip
        except ValueError as error:
            raise ValueError(
                f"{path}: every cell of a column of scores must be a number, and every line have "
                f"as many: {error}"
            ) from None


def _numbers(cells: list[str]) -> bool:
    for cell in cells:
        try:
            float(cell.replace(",", "."))
        except ValueError:
            return False
    return True
