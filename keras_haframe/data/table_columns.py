"""Columns of a CSV file, a data frame or a dictionary, as text."""

from __future__ import annotations

import csv
import difflib
import io
from typing import Any

from keras_haframe.files import PathLike

DELIMITERS = ",;\t|"
BLANKS = ("None", "nan", "<NA>", "NaT")  # what tables hold for a blank cell, as text


def read_csv(path: PathLike, image: str) -> dict[str, list[str]]:
    """Columns of a CSV file, by the delimiter with which its header has the column of images."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            text = file.read()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8: {error}. Save it as CSV in UTF-8.") from None
    for delimiter in DELIMITERS:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        header = [cell.strip() for cell in next(rows, [])]
        if image in header:
            break
    else:
        raise ValueError(
            f"{path} has no column {image!r} in its header: {text.partition(chr(10))[0][:200]!r}"
        )
    if len(set(header)) < len(header):
        raise ValueError(f"{path} has two columns of one name: {header}")
    result: dict[str, list[str]] = {name: [] for name in header}
    for row in rows:
        if not any(row):
            continue
        if len(row) != len(header):
            raise ValueError(
                f"{path}: line {rows.line_num} has {len(row)} cells, the header {len(header)}: "
                f"{row}"
            )
        for name, cell in zip(header, row):
            result[name].append(cell)
    return result


def column_of(table: Any, name: str) -> list[str]:
    """Cells of a column as text without blanks around it; what is missing is empty."""
    names = list(getattr(table, "columns", table))
    if name not in names:
        near = difflib.get_close_matches(str(name), [str(n) for n in names], n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"The table has no column {name!r}.{hint} Columns: {names}")
    cells = []
    for value in table[name]:
        if not isinstance(value, str):  # a column of integers with blanks is one of floats
            whole = isinstance(value, float) and value.is_integer()
            value = str(int(value) if whole else value)
            value = "" if value in BLANKS else value
        cells.append(value.strip())
    return cells
