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

    The content is on the disk before the name is, and the name when this returns. Missing folders
    are made. If the block raises, nothing is left behind and a file that was there stays as it was.

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
        to_disk(partial)
        os.replace(partial, path)
        with contextlib.suppress(OSError):  # some file systems cannot, for folders
            to_disk(path.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file, UTF-8, so that it is whole or absent."""
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def to_disk(path: PathLike) -> None:
    """Return when a file, or the names in a folder, are on the disk and not in a cache."""
    number = os.open(path, os.O_RDONLY if os.path.isdir(path) else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)
