"""Two starts on one folder, and a run that is given something else than it began with."""

import dataclasses
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_haframe.data import ArrayBatches
from keras_haframe.results.lock import locked
from keras_haframe.training import compare, distribution, pretrain, run
from keras_haframe.training.begin import begun
from tests.results.test_lock import holder  # noqa: F401 (fixture)
from tests.training.small_run import data, make_model
from tests.training.test_experiment import ROWS, make

ROOT = pathlib.Path(__file__).parents[2]
IMAGES, LABELS = data(24)


def never():
    raise AssertionError("a model was made")


def test_a_second_start_is_refused_before_anything_is_read(holder, tmp_path, tree):  # noqa: F811
    said = rf"{tmp_path} is in use by process {holder.pid} on .* choose another folder\."
    train = ArrayBatches(IMAGES, LABELS, 8).from_epoch
    with pytest.raises(BlockingIOError, match=said):
        run(never, train, (IMAGES, LABELS), 1, tmp_path)
    with pytest.raises(BlockingIOError, match=said):
        pretrain(never, train, 1, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["in_use.lock"]


def test_an_experiment_is_shared_but_for_a_run(tmp_path, tree):
    """Two processes may train rows of one experiment each."""
    experiment = make(tree, epochs=1)
    with locked(tmp_path / "cross-entropy_seed0"):
        with pytest.raises(BlockingIOError, match="cross-entropy_seed0 is in use"):
            compare(experiment, ROWS, [0], tmp_path, verbose=0)
        rows = {"other": ROWS["cross-entropy"]}
        assert compare(experiment, rows, [0], tmp_path, rules=[""], verbose=0)
    assert not list(tmp_path.rglob("*.lock"))


@pytest.mark.slow
def test_other_data_and_another_precision(tmp_path):
    def start(epochs=1, images=IMAGES, **more):
        train = ArrayBatches(images, LABELS, 8).from_epoch
        return run(
            make_model, train, (IMAGES, LABELS), epochs, tmp_path, verbose=0, **more
        )  # fmt: skip

    result = start()
    with pytest.raises(ValueError, match=r"other data: train inputs float32 \[24, 8, 8, 3\]"):
        start(images=IMAGES + 1)
    keras.config.set_dtype_policy("mixed_bfloat16")
    assert start() == result  # nothing is mixed
    with pytest.raises(ValueError, match=r"dtype_policy='float32'.*set_dtype_policy\('float32'\)"):
        start(2)
    keras.config.set_dtype_policy("float32")
    assert start() == result


def test_other_test_data_of_an_experiment(tmp_path, tree):
    experiment = make(tree, epochs=1)
    rows = {"a": ("cross_entropy", {})}
    compare(experiment, rows, [0], tmp_path, rules=[""], verbose=0)
    images, labels = experiment.test
    other = dataclasses.replace(experiment, test=(images, labels[::-1].copy()))
    with pytest.raises(ValueError, match=f"{tmp_path} was begun with other data: test labels"):
        compare(other, {**rows, "b": ("cross_entropy", {})}, [0], tmp_path, verbose=0)


def test_the_first_process_refuses_for_all(tmp_path, monkeypatch):
    """The others get no lock of their own, and do not wait for ever."""
    monkeypatch.setattr(distribution, "process", lambda: (1, 2))
    monkeypatch.setattr(distribution, "agree", lambda value: False)
    with pytest.raises(RuntimeError, match="first process could not go on"), begun(tmp_path, {}):
        pass
    monkeypatch.setattr(distribution, "agree", lambda value: True)
    with begun(tmp_path, {"a": np.ones(2)}) as finished:
        assert finished is None and not list(tmp_path.iterdir())


def test_what_a_killed_process_left_is_removed(tmp_path):
    """Not what others may be writing there now."""
    (tmp_path / ".scores.77.partial.npz").write_bytes(b"half")
    (tmp_path / ".report.77.partial.html").write_bytes(b"half")
    with begun(tmp_path, {}):
        names = {path.name for path in tmp_path.iterdir()}
    assert names == {"settings.json", "in_use.lock", ".report.77.partial.html"}


@pytest.mark.slow
def test_two_real_starts(tmp_path):
    """The one ends as it would alone, the other says in whose way it was."""
    command = [sys.executable, "-m", "tests.training.small_run", str(tmp_path), "40"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, cwd=ROOT, env=env, **pipe) for _ in range(2)]
    said = [process.communicate(timeout=300)[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1], said
    good, bad = sorted(both, key=lambda process: process.returncode)
    assert f"{tmp_path} is in use by process {good.pid} on " in said[both.index(bad)]
    assert (tmp_path / "result.json").exists() and not list(tmp_path.glob("*.lock"))
