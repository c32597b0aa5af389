"""Folders of versions: whole, one winner, nothing left over."""

import os
import signal

import pytest

from keras_haframe import versions


def in_processes(*actions) -> list[int]:
    """Run functions in processes of their own; exit status of each, the signal as negative."""
    children = []
    for action in actions:
        if not (child := os.fork()):
            try:
                action()
                os._exit(0)
            except ValueError:
                os._exit(3)
            except BaseException:
                os._exit(4)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def write(directory, version=None, wait=lambda: None):
    with versions.partial(directory) as folder:
        (folder / "saved_model.pb").write_text(str(os.getpid()))
        wait()
        return versions.publish(folder, directory, version, lambda number: None)


@pytest.mark.parametrize(
    "name", ["²", "٣", "1.5", "-1", "+1", " 1", "1_0", str(2**63), "9" * 5_000]
)
def test_names_that_are_no_versions(tmp_path, name):
    assert versions.number(name) is None
    if len(name) < 200:
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    assert write(tmp_path) == tmp_path / "1"
    assert versions.newest(tmp_path) == tmp_path / "1"


def test_numbers(tmp_path):
    assert versions.number("0") == 0 and versions.number(str(2**63 - 1)) == 2**63 - 1
    for version in (-1, 2**63, 1.0, "1", None):
        with pytest.raises(ValueError, match="`version` must be an integer from 0"):
            versions.check(version)
    (tmp_path / str(2**63 - 1)).mkdir()
    with pytest.raises(ValueError, match="holds the largest version"):
        versions.next_free(tmp_path)


@pytest.mark.slow
def test_two_that_write_one_version(tmp_path):
    """Eight times two at once: one wins, the other gets the documented error, nothing is left."""
    for version in range(8):
        read, wake = os.pipe()

        def writer(version=version, read=read):
            write(tmp_path, version, wait=lambda: os.read(read, 1))

        def starter(wake=wake):
            os.write(wake, b"xx")

        assert sorted(in_processes(writer, writer, starter)) == [0, 0, 3]
    assert {p.name for p in tmp_path.iterdir()} == set("01234567")
    assert in_processes(*[lambda: write(tmp_path)] * 6) == [0] * 6
    assert {int(p.name) for p in tmp_path.iterdir()} == set(range(14))


def test_what_a_killed_writer_left_is_removed_and_a_running_one_is_not(tmp_path):
    def killed():
        write(tmp_path, wait=lambda: os.kill(os.getpid(), signal.SIGKILL))

    assert in_processes(killed) == [-signal.SIGKILL]
    (tmp_path / ".of_before.partial").mkdir()
    assert len(list(tmp_path.glob(".*.partial"))) == 2
    with versions.partial(tmp_path) as running:
        assert list(tmp_path.glob(".*")) == [running]
        assert in_processes(lambda: write(tmp_path)) == [0]
        assert running.is_dir()
    assert [p.name for p in tmp_path.iterdir()] == ["1"]


def test_without_locks_age_decides(tmp_path, monkeypatch):
    import fcntl

    def none(*_):
        raise OSError("no locks here")

    monkeypatch.setattr(fcntl, "flock", none)
    old, young = tmp_path / ".old.partial", tmp_path / ".young.partial"
    for folder, age in ((old, 2), (young, 0)):
        folder.mkdir()
        changed = folder.stat().st_mtime - age * versions.DAY
        os.utime(folder, (changed, changed))
    write(tmp_path)
    assert not old.exists() and young.exists()


def test_a_failed_writer_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), versions.partial(tmp_path):
        raise RuntimeError
    assert not list(tmp_path.iterdir())
