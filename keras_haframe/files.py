"""Files that are whole or absent: written under a temporary name and renamed."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import TypeAlias

PathLike: TypeAlias = str | os.PathLike[str]


@contextlib.contextmanager
def whole(path: PathLike) -> Iterator[pathlib.Path]:
    """Give a temporary path beside `path` to write to; rename it when the block is done.

    Missing folders are made. If the block raises, nothing is left behind and a file that was there
    stays as it was.

    Args:
        path: The file. The temporary one has the same ending, which decides for some writers.

    Yields:
        The temporary path.

    Example:

    >>> with whole("runs/a/note.txt") as partial:
    ...     _ = partial.write_text("done")
    >>> sorted(p.name for p in pathlib.Path("runs/a").iterdir())
    ['note.txt']
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Of this process: two that write one file do not mix.
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file, UTF-8, so that it is whole or absent."""
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
