"""Tables of text from CSV files: encoding, separator and header found, cells stripped."""

from __future__ import annotations

import codecs
import csv
import dataclasses
import io
import itertools
import os
from collections.abc import Iterator, Sequence

from keras_haframe.tree.folders import IMAGE_SUFFIXES
from keras_haframe.tree.ranks import is_title, plain
from keras_haframe.tree.validation import check_path

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
LOOK_AT = 200  # lines that tell the separator


@dataclasses.dataclass
class Table:
    """Rows of text.

    Attributes:
        title: What messages call it, the file's path.
        header: Names of the columns; `None` if there are none.
        rows: Cells, "" where blank, all rows of one length.
        lines: Number of each row in the file, from 1.
        dialect: What was understood, such as `"separated by tabs, no header"`.
        how: The argument that names the level columns, for messages.
    """

    title: str
    header: list[str] | None
    rows: list[list[str]]
    lines: list[int]
    dialect: str = ""
    how: str = "columns={}"

    def column(self, i: int) -> str:
        """Name of a column, its number if the table has no header."""
        return repr(self.header[i]) if self.header and self.header[i] else f"column {i}"

    def word(self, i: int) -> str:
        """Title of a column in its plain form; of a table without a header, none that is known."""
        return plain(self.header[i]) if self.header else f"column{i}"

    def path(self, columns: Sequence[int]) -> str:
        """Names of columns with arrows between them."""
        return " > ".join(self.header[i] if self.header else str(i) for i in columns)

    def argument(self, columns: Sequence[int]) -> str:
        """Return what to write to name the level columns."""
        return self.how.format([self.header[i] if self.header else i for i in columns])


def read_table(
    path: str | os.PathLike,
    separator: str | None = None,
    header: bool | None = None,
    strip: bool = True,
) -> Table:
    """Read a CSV file.

    Args:
        path: The file: UTF-8, or UTF-16 with a byte-order mark, as spreadsheets write.
        separator: One character. `None` takes the one of comma, semicolon, tab and bar that gives
            all lines equally many cells.
        header: Whether the first line names the columns. `None` decides: yes if it has a usual
            title; no if a cell of it is a number or a file, or occurs again in its column.
        strip: Take blanks away around the cells.

    Returns:
        A `Table`. Blank lines are left out.

    Raises:
        ValueError: For a file that is not text, has unclosed quotes, lines of different lengths, a
            cell of more than 131,072 characters or no rows, or more than one fitting separator.
    """
    text = read_text(path)
    if separator is None:
        separator = find_separator(path, text)
    elif not isinstance(separator, str) or len(separator) != 1:
        raise ValueError(f"`separator` must be one character. Received: separator={separator!r}")
    rows, lines = [], []
    for line, row in filled_rows(path, text, separator):
        rows.append(list(map(str.strip, row)) if strip else row)
        lines.append(line)
    titled = header
    if titled is None:
        titled = len(rows) > 0 and has_header(rows)
    if len(rows) < 1 + titled:
        raise ValueError(f"{path} has no lines{' below its header' if titled or not rows else ''}.")
    for row, line in zip(rows, lines):
        if len(row) != len(rows[0]):
            raise ValueError(
                f"{path}: line {line} has {len(row)} cells, the "
                f"{'header' if titled else 'first line'} {len(rows[0])}: {row}. Cells are taken to "
                f"be separated by {SEPARATORS.get(separator, repr(separator))}."
            )
    word = SEPARATORS.get(separator, repr(separator))
    shown = f"separated by {word}, " if len(rows[0]) > 1 else ""
    if titled:
        names = [cell.strip() for cell in rows[0]]
        return Table(str(path), names, rows[1:], lines[1:], f"{shown}with a header")
    return Table(str(path), None, rows, lines, f"{shown}no header")


def read_text(path: str | os.PathLike) -> str:
    """Content of a text file, UTF-8 or UTF-16 with a byte-order mark."""
    data = check_path(path).read_bytes()
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path}: line {line} is not UTF-8. Save the file as UTF-8 (in a spreadsheet: CSV "
            "UTF-8)."
        ) from None


def filled_rows(
    path: str | os.PathLike, text: str, separator: str
) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every row that is not blank."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            limit = "field limit" in str(error)
            what = f"a cell has more than {csv.field_size_limit():,} characters" if limit else error
            raise ValueError(f"{path}: line {reader.line_num}: {what}.") from None
        if "".join(row).strip():
            yield reader.line_num, row


def find_separator(path: str | os.PathLike, text: str) -> str:
    """Find the separator that gives the first lines equally many cells, more than one."""
    fitting = []
    for separator in SEPARATORS:
        try:
            rows = itertools.islice(filled_rows(path, text, separator), LOOK_AT)
            sizes = {len(row) for _, row in rows}
        except ValueError:  # quotes that do not fit this separator
            continue
        if len(sizes) == 1 and sizes != {1}:
            fitting.append(separator)
    if len(fitting) > 1:
        raise ValueError(
            f"{path}: cells may be separated by {' or by '.join(SEPARATORS[s] for s in fitting)}. "
            f"Say which: separator={fitting[0]!r}."
        )
    if fitting:
        return fitting[0]
    first = text.lstrip().partition("\n")[0]
    return max(SEPARATORS, key=first.count)  # the line that does not fit is told of later


def has_header(rows: list[list[str]]) -> bool:
    """Whether the first of the rows names the columns."""
    first = [cell.strip() for cell in rows[0]]
    if any(is_title(cell) for cell in first):
        return True
    if any(cell.isdecimal() or cell.lower().endswith(IMAGE_SUFFIXES) for cell in first):
        return False
    return not any(
        cell and cell == row[i].strip()
        for row in rows[1:]
        for i, cell in enumerate(first[: len(row)])
    )
