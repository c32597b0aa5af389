"""Columns of a CSV file, a data frame or a dictionary, as text."""

from __future__ import annotations

from typing import Any

from keras_haframe.files import PathLike
from keras_haframe.tree.csv_files import read_table
from keras_haframe.tree.validation import unknown_name

BLANKS = ("None", "nan", "<NA>", "NaT")  # what tables hold for a blank cell, as text


def read_csv(path: PathLike) -> dict[str, list[str]]:
    """Columns of a CSV file with a header, by their names."""
    table = read_table(path, header=True)
    names = table.header or []
    if len(set(names)) < len(names):
        raise ValueError(f"{path} has two columns of one name: {names}")
    return dict(zip(names, map(list, zip(*table.rows))))


def column_of(table: Any, name: str) -> list[str]:
    """Cells of a column as text without blanks around it; what is missing is empty."""
    names = list(getattr(table, "columns", table))
    if name not in names:
        hint = unknown_name(name, map(str, names), "column of the table")
        raise ValueError(f"{hint} Columns: {names}")
    cells = []
    for value in table[name]:
        if not isinstance(value, str):  # a column of integers with blanks is one of floats
            whole = isinstance(value, float) and value.is_integer()
            value = str(int(value) if whole else value)
            value = "" if value in BLANKS else value
        cells.append(value.strip())
    return cells
