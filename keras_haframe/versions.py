"""Folders of versions, as servers of models poll them: written whole, by one of several writers."""

from __future__ import annotations

import contextlib
import operator
import os
import pathlib
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator

from keras_haframe.files import PathLike

LARGEST = 2**63 - 1  # servers read versions as int64
DAY = 86_400  # seconds


def number(name: str) -> int | None:
    """Version that a folder's name is, or `None`; digits of other scripts are no numbers."""
    found = int(name) if re.fullmatch("[0-9]{1,19}", name) else LARGEST + 1
    return found if found <= LARGEST else None


def newest(path: PathLike) -> pathlib.Path:
    """Return the SavedModel at `path`: the version itself, or the newest in its directory.

    Raises:
        ValueError: If there is none; the message says what was found.
    """
    path = pathlib.Path(path)
    if (path / "saved_model.pb").is_file():
        return path
    folders = [p.parent for p in path.glob("*/saved_model.pb")]
    found = {n: folder for folder in folders if (n := number(folder.name)) is not None}
    if not found:
        hint = (
            " Export it first: keras_haframe.export(keras.models.load_model(...), directory)."
            if path.suffix == ".keras"
            else ""
        )
        raise ValueError(f"No SavedModel and no directory of versions: {path}.{hint}")
    return found[max(found)]


def next_free(directory: PathLike) -> int:
    """Return the number after the largest version in a directory."""
    taken = [found for p in pathlib.Path(directory).iterdir() if (found := number(p.name))]
    if max(taken, default=0) == LARGEST:
        raise ValueError(f"{directory} holds the largest version, {LARGEST}. Give `version`.")
    return max(taken, default=0) + 1


def check(version: int) -> int:
    """Return `version` as an integer, or raise a `ValueError`."""
    try:
        found = operator.index(version)
    except TypeError:
        found = -1
    if not 0 <= found <= LARGEST:
        raise ValueError(
            f"`version` must be an integer from 0 to {LARGEST}. Received: version={version}"
        )
    return found


def check_free(directory: PathLike, version: int) -> None:
    """Raise a `ValueError` if there is such a version."""
    target = pathlib.Path(directory) / str(version)
    if target.exists():
        raise ValueError(
            f"{target} exists already. Leave out `version` to take the next free number "
            f"({next_free(directory)})."
        )


@contextlib.contextmanager
def partial(directory: PathLike) -> Iterator[pathlib.Path]:
    """Give a hidden folder to write a version to; it is removed in the end unless renamed.

    What killed writers left is removed first. A lock, which the system gives up with the process,
    tells it from the folder of a running one; where folders cannot be locked, the age of a day.
    """
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for left in directory.glob(".*.partial"):
        with contextlib.suppress(OSError), _locked(left) as free:
            if free or (free is None and time.time() - left.stat().st_mtime > DAY):
                shutil.rmtree(left, ignore_errors=True)
    name = f".{uuid.uuid4().hex}"
    folder, new = directory / f"{name}.partial", directory / f"{name}.new"
    new.mkdir()  # only a locked folder bears the name that others look for
    try:
        with _locked(new):
            new.replace(folder)
            yield folder
    finally:
        for left in (new, folder):
            shutil.rmtree(left, ignore_errors=True)


def publish(
    folder: pathlib.Path,
    directory: PathLike,
    version: int | None,
    finish: Callable[[int], None],
) -> pathlib.Path:
    """Rename a folder to a version; where another writer was faster, to the next free one.

    Args:
        folder: The written folder, in `directory`.
        directory: The directory of versions.
        version: The version, or `None` for the next free one.
        finish: Called with the number before the folder is renamed.

    Raises:
        ValueError: If `version` is given and was taken meanwhile.
    """
    while True:
        chosen = next_free(directory) if version is None else version
        target = pathlib.Path(directory) / str(chosen)
        finish(chosen)
        try:
            os.rename(folder, target)
            return target
        except OSError:
            if not target.exists():
                raise
            if version is not None:
                check_free(directory, version)


@contextlib.contextmanager
def _locked(folder: pathlib.Path) -> Iterator[bool | None]:
    """Hold a folder's lock; gives whether it was free, `None` where there are no locks."""
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        yield None
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        free: bool | None = True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            free = False
        except OSError:
            free = None
        yield free
    finally:
        os.close(handle)
