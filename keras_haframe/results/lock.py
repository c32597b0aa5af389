"""One process at a time in a folder: a lock of the system's, with a note of who holds it."""

from __future__ import annotations

import contextlib
import datetime
import errno
import json
import os
import pathlib
import shlex
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

try:
    import fcntl
except ImportError:  # Windows: the sign of life must do
    fcntl = None  # type: ignore[assignment]

LOCK = "in_use.lock"
BEAT, DEAD = 20.0, 120.0  # seconds between signs of life, and without one
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)

_held: set[int] = set()


@contextlib.contextmanager
def locked(folder: os.PathLike | str, wait: float = 0.0) -> Iterator[None]:
    """Hold a folder inside this block; refuse while another process does.

    The system takes the lock back when a process ends, however it ends. Where it has no locks, and
    for a process on another computer (of a network file system that may not lock across
    computers), the holder's sign of life counts: a lock without one for two minutes is taken over.
    In a folder that may not be written to, nothing is locked.

    Args:
        folder: The folder, made if it is not there.
        wait: Seconds to wait for the other process.

    Raises:
        BlockingIOError: If another process holds the folder. The message says which, and what to
            do.

    Example:

    >>> with locked("runs/a"):
    ...     print(*(path.name for path in pathlib.Path("runs/a").iterdir()))
    in_use.lock
    >>> list(pathlib.Path("runs/a").iterdir())
    []
    """
    path, until = pathlib.Path(folder) / LOCK, time.monotonic() + wait
    while True:
        try:
            lock = _take(path)
            break
        except BlockingIOError:
            if time.monotonic() >= until:
                raise
            time.sleep(0.1)
    if lock is None:
        yield
        return
    stop = threading.Event()
    threading.Thread(target=_live, args=(path, stop), daemon=True).start()
    try:
        yield
    finally:
        stop.set()
        os.ftruncate(lock, 0)
        with contextlib.suppress(OSError):  # Windows keeps what is open
            path.unlink()  # before it is free, so that nobody holds a file without a name
        _close(lock)


def _take(path: pathlib.Path) -> int | None:
    """Return the open lock; `None` in a folder that may not be written to."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            _held.add(lock)
            try:
                _check(lock, path, _lock(lock, path))
                if path.exists() and os.path.samestat(os.fstat(lock), path.stat()):
                    os.ftruncate(lock, 0)
                    os.lseek(lock, 0, os.SEEK_SET)
                    os.write(lock, json.dumps(_note()).encode())
                    return lock
            except BaseException:
                _close(lock)
                raise
            _close(lock)  # the other one has just ended, with its file
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return None
        raise


def _lock(lock: int, path: pathlib.Path) -> bool:
    """Take the system's lock; return whether there is such a thing."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        for _ in range(10):  # it may be about to write its note
            if note := _read(lock):
                break
            time.sleep(0.05)
        raise BlockingIOError(_message(path, note)) from None
    except OSError as error:
        if error.errno in NO_LOCKS:
            return False
        raise
    return True


def _check(lock: int, path: pathlib.Path, system: bool) -> None:
    """Refuse if there is a note of a process of which the system's lock may know nothing."""
    note = _read(lock)
    if not note or (system and note.get("computer") == _computer()):
        return
    before = os.fstat(lock)
    os.utime(path)  # the time of the file system, whatever the clock of this computer says
    age = os.fstat(lock).st_mtime - before.st_mtime
    if age < DEAD:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        raise BlockingIOError(
            f"{_message(path, note)} Its last sign of life is {max(age, 0):.0f} s old. If it has "
            f"ended, wait until that is {DEAD:.0f} s, or remove {path}."
        )


def _live(path: pathlib.Path, stop: threading.Event) -> None:
    while not stop.wait(BEAT):
        with contextlib.suppress(OSError):
            os.utime(path)


def _close(lock: int) -> None:
    _held.discard(lock)
    os.close(lock)


def _forget() -> None:
    """Close, in a process that was forked off, what would keep the lock of its parent."""
    for lock in _held:
        with contextlib.suppress(OSError):
            os.close(lock)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _note() -> dict[str, Any]:
    now = datetime.datetime.now(datetime.UTC)
    return {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "computer": _computer(),
        "since": now.strftime("%Y-%m-%d %H:%M UTC"),
        "command": " ".join(shlex.join(sys.orig_argv).split())[:200],
    }


def _read(lock: int) -> dict[str, Any]:
    try:
        os.lseek(lock, 0, os.SEEK_SET)
        note = json.loads(os.read(lock, 10_000))
    except ValueError:  # empty, or half a note
        return {}
    return note if isinstance(note, dict) else {}


def _computer() -> str:
    """Say which system's locks these are: containers of one computer share them."""
    try:
        return pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()


def _message(path: pathlib.Path, note: dict[str, Any]) -> str:
    who, end = "another process", ""
    if note:
        who = f"process {note.get('process')} on {note.get('host')} since {note.get('since')}"
        who, end = f"{who} ({note.get('command')})", f" end it (kill {note.get('process')}),"
    return (
        f"{path.parent} is in use by {who}. Two at once would destroy the run. Wait for it,{end} "
        "or choose another folder."
    )
