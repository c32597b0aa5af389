"""Two processes do not write to one folder, and a process that is gone keeps nobody out."""

import errno
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

from keras_haframe.results import lock
from keras_haframe.results.lock import LOCK, locked

# By its file, so that a process need not import Keras.
HOLD = f"""
import importlib.util, os, sys, time
spec = importlib.util.spec_from_file_location("lock", {lock.__file__!r})
lock = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lock)
try:
    with lock.locked(sys.argv[1]):
        if "fork" in sys.argv and os.fork() == 0:
            sys.stdin.read()
        print("held", flush=True)
        sys.stdin.read()
except BlockingIOError as error:
    print(error, flush=True)
"""


def start(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder."""
    process = start(tmp_path)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def refused(folder):
    with pytest.raises(BlockingIOError) as error, locked(folder):
        pass
    return str(error.value)


def test_eight_starts_at_once(tmp_path):
    """One holds the folder, the others say which; nothing is left of any."""
    started = [start(tmp_path / "run") for _ in range(8)]
    said = [process.stdout.readline() for process in started]
    assert said.count("held\n") == 1
    first = started[said.index("held\n")]
    for text in said:
        if text != "held\n":
            assert f"{tmp_path}/run is in use by process {first.pid} on " in text
            assert f"(kill {first.pid}), or choose another folder." in text
    for process in started:
        process.communicate()
    assert not list((tmp_path / "run").iterdir())


def test_who_holds_it(holder, tmp_path):
    said = refused(tmp_path)
    assert f"process {holder.pid} on {os.uname().nodename} since 2" in said and "UTC (" in said
    holder.communicate()  # ends it
    with locked(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["process"] == os.getpid()
    assert not (tmp_path / LOCK).exists()


def test_a_killed_process_keeps_nobody_out(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert json.loads((tmp_path / LOCK).read_text())["process"] == holder.pid
    with locked(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["process"] == os.getpid()


def test_the_workers_of_a_killed_process_keep_nobody_out(tmp_path):
    parent = start(tmp_path, "fork")
    assert parent.stdout.readline() == "held\n"
    parent.kill()
    parent.wait()
    with locked(tmp_path, wait=20):  # until the worker has had its first moment
        pass
    parent.communicate()


def test_one_process_does_not_hold_it_twice(tmp_path):
    with locked(tmp_path):
        assert f"process {os.getpid()}" in refused(tmp_path)
        with locked(tmp_path / "other"):
            pass
    with pytest.raises(KeyboardInterrupt), locked(tmp_path):
        raise KeyboardInterrupt
    with locked(tmp_path):
        pass


def test_it_can_be_waited_for(tmp_path):
    held = threading.Event()

    def hold():
        with locked(tmp_path):
            held.set()
            time.sleep(0.3)

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    with locked(tmp_path, wait=20):
        pass
    other.join()


def note_of(folder, age, **changes):
    """Leave the lock of a process that the system's lock does not tell of."""
    note = {
        "process": 77,
        "host": "far",
        "computer": "other",
        "since": "then",
        "command": "x",
        **changes,
    }
    (folder / LOCK).write_text(json.dumps(note))
    old = time.time() - age
    os.utime(folder / LOCK, (old, old))


def test_a_process_on_another_computer(tmp_path):
    """Its sign of life counts; being refused does not renew it."""
    for _ in range(2):
        note_of(tmp_path, 100)
        said = refused(tmp_path)
        assert "in use by process 77 on far since then (x)." in said
        assert "sign of life is 100 s old. If it has ended, wait until that is 120 s, or" in said
        assert said.endswith(f"remove {tmp_path / LOCK}.")
        assert time.time() - (tmp_path / LOCK).stat().st_mtime > 99
    note_of(tmp_path, 130)
    with locked(tmp_path):
        pass


@pytest.mark.parametrize("kind", ["no module", "no such lock"])
def test_where_the_system_has_no_locks(tmp_path, monkeypatch, kind):
    if kind == "no module":
        monkeypatch.setattr(lock, "fcntl", None)
    else:

        def no_lock(*_):
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(lock.fcntl, "flock", no_lock)
    note_of(tmp_path, 1, computer=lock._computer())
    assert "or remove" in refused(tmp_path)
    note_of(tmp_path, 121, computer=lock._computer())
    with locked(tmp_path):
        assert "or remove" in refused(tmp_path)
    assert not list(tmp_path.iterdir())


def test_signs_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 0.05)
    with locked(tmp_path):
        os.utime(tmp_path / LOCK, (1, 1))
        until = time.time() + 20
        while (tmp_path / LOCK).stat().st_mtime == 1 and time.time() < until:
            time.sleep(0.02)
        assert (tmp_path / LOCK).stat().st_mtime > 1


@pytest.mark.parametrize("content", ["", "[]"])
def test_half_a_note(tmp_path, content):
    (tmp_path / LOCK).write_text(content)
    with locked(tmp_path):
        (tmp_path / LOCK).write_text(content)
        said = refused(tmp_path)
        assert "is in use by another process. Two" in said and "for it, or choose" in said


def test_a_folder_that_is_only_read(tmp_path, monkeypatch):
    def closed(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", closed)
    with locked(tmp_path):
        assert not list(tmp_path.iterdir())


def test_a_file_is_no_folder(tmp_path):
    path = pathlib.Path(tmp_path / "file")
    path.write_text("")
    with pytest.raises(OSError, match="file"), locked(path):
        pass
