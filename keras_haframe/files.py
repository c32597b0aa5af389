"""Files that are whole or absent: written under a temporary name and renamed."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pathlib
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

PathLike: TypeAlias = str | os.PathLike[str]

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REFUSED = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENAMETOOLONG, errno.ENOTDIR,
    errno.EEXIST,
)  # fmt: skip


@contextlib.contextmanager
def whole(path: PathLike) -> Iterator[pathlib.Path]:
    """Give a temporary path beside `path` to write to; rename it when the block is done.

    The content is on the disk before the name is, and the name when this returns. Missing folders
    are made. If the block raises, nothing is left behind and a file that was there stays as it was.

    Args:
        path: The file. The temporary one has the same ending, which decides for some writers.

    Yields:
        The temporary path.

    Raises:
        OSError: If the file cannot be written, see `clear_errors`.

    Example:

    >>> with whole("runs/a/note.txt") as partial:
    ...     _ = partial.write_text("done")
    >>> sorted(p.name for p in pathlib.Path("runs/a").iterdir())
    ['note.txt']
    """
    path = pathlib.Path(path)
    # Of this process: two that write one file do not mix.
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    with clear_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
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


@contextlib.contextmanager
def clear_errors(what: str, kept: str = "") -> Iterator[None]:
    """Turn whatever a writer raises for a full or closed disk into one `OSError` that says so.

    Libraries raise errors of their own over the system's, or in its place (h5py, TensorFlow).

    Args:
        what: What is written, the head of the message, such as the path. Of a block within a block
            the outer one's is told.
        kept: A sentence on what is safe.

    Raises:
        OSError: With the system's number and what to do.

    Example:

    >>> with clear_errors("runs/a/scores.npz"):
    ...     raise RuntimeError("file write failed: errno = 28, error message = 'No space'")
    Traceback (most recent call last):
    ...
    OSError: [Errno 28] runs/a/scores.npz could not be written (No space left on device). Free \
some space and run the same command again.
    """
    try:
        yield
    except Exception as error:
        number = _system_error(error)
        if number is None:
            raise
        mend = "Free some space" if number in FULL else "Choose or mend the folder"
        raise OSError(
            number,
            f"{what} could not be written ({os.strerror(number)}). {kept}{' ' * bool(kept)}{mend} "
            "and run the same command again.",
        ) from error


@contextlib.contextmanager
def reading(path: PathLike, mend: str = "Remove it, or write it anew.") -> Iterator[None]:
    """Turn whatever a damaged or foreign file makes its reader raise into one `ValueError`.

    Args:
        path: The file. An error that names it stays as it is.
        mend: What to do about it, a sentence.

    Raises:
        ValueError: That names the file.

    Example:

    >>> with reading("runs/a/scores.npz"):
    ...     raise KeyError("scores")
    Traceback (most recent call last):
    ...
    ValueError: runs/a/scores.npz is damaged, or not what its name says (KeyError: 'scores'). \
Remove it, or write it anew.
    """
    try:
        yield
    except Exception as error:  # of zip, zlib, JSON, UTF-8, CSV, headers of arrays, ...
        if str(path) in str(error) or isinstance(error, FileNotFoundError):
            raise
        raise ValueError(
            f"{path} is damaged, or not what its name says ({type(error).__name__}: {error}). "
            f"{mend}"
        ) from error


def read_object(path: PathLike, mend: str = "Remove it, or write it anew.") -> dict[str, Any]:
    """Read a JSON object; a `ValueError` that names the file for anything else."""
    with reading(path, mend):
        try:
            content = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} is not JSON: {error}. {mend}") from None
        if not isinstance(content, dict):
            raise ValueError(
                f"{path} must hold a JSON object of names and values. {mend} "
                f"Received: {type(content).__name__}"
            )
    return content


def _system_error(error: BaseException | None) -> int | None:
    """Return the number of the system's error that is at the bottom of it, if writing failed."""
    while error is not None:
        text = str(error)
        found = re.search(r"errno = (\d+)", text)
        number = int(found[1]) if found else getattr(error, "errno", None)
        number = next((n for n in FULL if os.strerror(n) in text), number)  # TensorFlow's
        if number in FULL + REFUSED:
            return number
        error = error.__cause__ or error.__context__
    return None


def to_disk(path: PathLike) -> None:
    """Return when a file, or the names in a folder, are on the disk and not in a cache."""
    number = os.open(path, os.O_RDONLY if os.path.isdir(path) else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)
