"""Runs that are killed, stopped or disturbed end as an undisturbed run does, bit for bit."""

import errno
import json
import os
import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_haframe.data import ArrayBatches
from keras_haframe.results.run import read_split
from keras_haframe.training import checkpoints, load_trained, run, snapshots
from keras_haframe.training.runner import Clock
from keras_haframe.tree import ClassTree
from tests.disk import disk, enlarge, file_size
from tests.training.small_run import data, make_model, small_run

ROOT = pathlib.Path(__file__).parents[2]
EPOCHS = 4


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return folder, small_run(folder, EPOCHS)


def last_state(folder):
    """Weights, optimizer and random states at the end of a run."""
    model = make_model()
    made = checkpoints.Checkpoints(folder / "checkpoints")
    assert made.restore(model) == EPOCHS
    return snapshots.take(model), made


def assert_same(folder, undisturbed):
    (one, first), (two, second) = last_state(folder), last_state(undisturbed[0])
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])
    assert first.best_epoch == second.best_epoch
    ends = [f / "checkpoints" / snapshots.file_name(EPOCHS) for f in (folder, undisturbed[0])]
    assert snapshots.read(ends[0])[0] == snapshots.read(ends[1])[0]  # also the range of the images
    assert (folder / "history.csv").read_text() == (undisturbed[0] / "history.csv").read_text()
    with np.load(folder / "scores.npz") as a, np.load(undisturbed[0] / "scores.npz") as b:
        np.testing.assert_array_equal(a["scores"], b["scores"])


def test_result_and_files(undisturbed):
    folder, result = undisturbed
    assert result == json.loads((folder / "result.json").read_text())
    assert 0 <= result["top1"] <= 1 and 1 <= result["best_epoch"] <= EPOCHS
    rows = (folder / "history.csv").read_text().splitlines()
    assert len(rows) == EPOCHS + 1 and "val_top1" in rows[0] and "learning_rate" in rows[0]
    values = [float(row.split(",")[rows[0].split(",").index("val_top1")]) for row in rows[1:]]
    assert result["best_epoch"] == 1 + int(np.argmax(values))  # the first of the best
    times = [line.split(",") for line in (folder / "seconds.csv").read_text().splitlines()]
    assert [int(t[0]) for t in times] == [1, 2, 3, 4]
    assert all(0 < float(t[1]) < float(t[2]) for t in times)
    reader = EventAccumulator(str(folder / "tensorboard/validation")).Reload()
    assert [e.value for e in reader.Scalars("top1")] == pytest.approx(values, rel=1e-6)
    assert (result["method"], result["seed"]) == (folder.name, 0)
    assert ClassTree.from_json(folder / "tree.json") == make_model().tree
    kept = {p.name for p in (folder / "checkpoints").iterdir()}
    needed = {snapshots.file_name(n) for n in (EPOCHS - 1, EPOCHS, result["best_epoch"])}
    assert needed <= kept and len(kept) <= 4  # the epoch before the last may need another best one


@pytest.mark.slow
def test_the_data_of_the_scores_are_named(undisturbed, tmp_path):
    """Validation data that are given as test data too are not called test data."""
    assert read_split(undisturbed[0]) == "test"
    images, labels = data(16)
    train = ArrayBatches(images, labels, 8).from_epoch
    held = images[:8], labels[:8]
    run(make_model, train, held, 1, tmp_path, validation=(held[0], held[1]), verbose=0)
    assert read_split(tmp_path) == "validation"


def test_a_finished_run_is_not_repeated(undisturbed):
    folder, result = undisturbed
    before = (folder / "history.csv").stat().st_mtime_ns
    assert small_run(folder, EPOCHS) == result
    assert (folder / "history.csv").stat().st_mtime_ns == before


@pytest.mark.slow
@pytest.mark.parametrize("every", [[], ["1"]])
def test_killed_in_mid_epoch_and_run_again(undisturbed, tmp_path, every):
    """Processes of their own, killed with SIGKILL at step 4 of epoch 3 (8 steps each)."""
    command = [sys.executable, "-m", "tests.training.small_run", str(tmp_path), str(EPOCHS)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    options = {"cwd": ROOT, "env": env, "capture_output": True, "text": True, "timeout": 300}
    killed = subprocess.run([*command, "20", *every], **options)
    assert killed.returncode == -9, killed.stderr[-2000:]
    assert not (tmp_path / "result.json").exists()
    again = subprocess.run([*command, "0", *every], **options)
    assert again.returncode == 0, again.stderr[-2000:]
    assert f"going on after epoch 2 of {EPOCHS}{', step ' if every else ''}" in again.stdout
    assert_same(tmp_path, undisturbed)


@pytest.mark.slow
def test_a_time_budget_stops_at_an_epochs_end(undisturbed, tmp_path, capsys):
    assert small_run(tmp_path, EPOCHS, max_minutes=1e-9) is None
    assert f"time is up after epoch 1 of {EPOCHS}" in capsys.readouterr().out
    assert small_run(tmp_path, EPOCHS, max_minutes=60) is not None
    assert_same(tmp_path, undisturbed)


class Interrupt(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch and batch == 2:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """Folder of a run that was stopped by hand in epoch 4."""
    folder = tmp_path_factory.mktemp("interrupted")
    with pytest.raises(KeyboardInterrupt):
        small_run(folder, EPOCHS, [Interrupt(3)])
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["none", "cut short", "gone", "a leftover"])
def test_damaged_checkpoints_are_passed_over(undisturbed, interrupted, tmp_path, damage, capsys):
    shutil.copytree(interrupted, tmp_path, dirs_exist_ok=True)
    newest = tmp_path / "checkpoints" / "epoch-0003.npz"
    if damage == "cut short":
        content = newest.read_bytes()
        newest.write_bytes(content[: len(content) // 2])
    elif damage == "gone":
        newest.unlink()
    elif damage == "a leftover":
        newest.rename(newest.with_name(".epoch-0003.12345.partial.npz"))
    capsys.readouterr()
    small_run(tmp_path, EPOCHS)
    last = 3 if damage == "none" else 2
    assert f"going on after epoch {last} of {EPOCHS}" in capsys.readouterr().out
    assert_same(tmp_path, undisturbed)
    assert not list((tmp_path / "checkpoints").glob(".*"))


@pytest.mark.slow
@pytest.mark.parametrize(("kilobytes", "what"), [(33, "epoch 1"), (91, "")])
def test_a_full_disk(undisturbed, tmp_path, kilobytes, what):
    """One message, nothing half, and with room the run goes on."""
    with disk(tmp_path / "disk", kilobytes * 1024) as folder:
        with pytest.raises(OSError, match=rf"{what}.* could not be written .*ree some space") as e:
            small_run(folder / "run", EPOCHS)
        assert e.value.errno == 28
        left = [p.name for p in folder.rglob("*") if "partial" in p.name or p.suffix == ".lock"]
        assert not left
        enlarge(folder, 4 << 20)
        small_run(folder / "run", EPOCHS)
        assert_same(folder / "run", undisturbed)


@pytest.mark.slow
def test_files_that_may_not_grow(tmp_path):
    """Where no disk can be mounted; 5 kB is less than the weights."""
    with pytest.raises(OSError, match=r"epoch 1 could not .*\. Epochs up to 0.*ree some space"):
        with file_size(5_000):
            small_run(tmp_path, 1)
    assert not list((tmp_path / "checkpoints").iterdir())
    assert not list(tmp_path.glob("*partial*"))


@pytest.mark.slow
def test_a_full_disk_keeps_the_epoch_before(undisturbed, tmp_path, monkeypatch):
    save, calls = np.savez, []

    def full(path, **arrays):
        calls.append(path)
        if len(calls) == 3:
            pathlib.Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(path, **arrays)

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(OSError, match=r"epoch 3 could not .*No space left.*up to 2 are safe"):
            small_run(tmp_path, EPOCHS)
    assert not list((tmp_path / "checkpoints").glob(".*"))
    small_run(tmp_path, EPOCHS)
    assert_same(tmp_path, undisturbed)


def test_other_settings_are_refused(undisturbed):
    with pytest.raises(ValueError, match="epochs=4; now it is epochs=3"):
        small_run(undisturbed[0], 3)


@pytest.mark.slow
def test_a_finished_run_is_given_more_epochs(tmp_path, capsys):
    def constant(folder, epochs):
        images, labels = data(24)
        return run(
            make_model, ArrayBatches(images, labels, 8).from_epoch, (images, labels), epochs,
            folder, verbose=0,
        )  # fmt: skip

    constant(tmp_path / "a", 1)
    longer = constant(tmp_path / "a", 2)
    assert "going on after epoch 1 of 2" in capsys.readouterr().out
    whole = constant(tmp_path / "b", 2)
    assert {**longer, "method": 0, "train_minutes": 0} == {
        **whole, "method": 0, "train_minutes": 0
    }  # fmt: skip
    settings = json.loads((tmp_path / "a" / "settings.json").read_text())
    made = settings.pop("made_with")
    assert settings == {"epochs": 2, "seed": 0, "continued_after": [1]}
    assert made["data"].keys() == {"train inputs", "train labels", "test inputs", "test labels"}
    assert constant(tmp_path / "a", 2) == longer
    trained = load_trained(make_model, tmp_path / "a").trained_range
    assert data(24)[0].min() <= trained.least < -1


def test_wrong_arguments_are_told_before_the_first_epoch(tmp_path):
    images, labels = data(24)
    train = ArrayBatches(images, labels, 8).from_epoch
    broken = images.copy()
    broken[23] = np.nan
    good = {"make_model": make_model, "train": train, "test": (images, labels)}
    for change, message in (
        ({"make_model": make_model()}, "`make_model` must be a function.*Received: Hierarch"),
        ({"make_model": lambda: keras.Sequential()}, "must return a HierarchicalClassifier"),
        ({"train": images}, r"`train` must be a function.*from_epoch.*Received: ndarray"),
        ({"train": train(0)}, "`train` must be a function.*Received: ArrayBatches"),
        ({"test": images}, r"`test` must be \(inputs, labels\). Received: ndarray"),
        ({"test": (images, labels + 1)}, "Received label 4 in the test data"),
        ({"test": (images, labels[:9])}, "9 labels for 24 examples in the test data"),
        ({"test": (broken, labels)}, "NaN .* in the test data, first in example 23"),
        ({"validation": (images, labels + 1)}, "Received label 4 in the validation data"),
    ):
        with pytest.raises(ValueError, match=message):
            run(**{**good, **change}, epochs=1, folder=tmp_path / "run", verbose=0)
    assert not list(tmp_path.glob("run/checkpoints/*"))


@pytest.mark.slow
def test_random_states_of_the_loss_head_are_kept_too(tmp_path):
    """HAFeature draws pairs from a generator of its own."""
    whole = small_run(tmp_path / "whole", 2, method="hafeature")
    assert small_run(tmp_path / "parts", 2, method="hafeature", max_minutes=1e-9) is None
    parts = small_run(tmp_path / "parts", 2, method="hafeature")
    without = {"train_minutes", "method"}
    assert {k: v for k, v in parts.items() if k not in without} == {
        k: v for k, v in whole.items() if k not in without
    }
    with np.load(tmp_path / "whole/scores.npz") as a, np.load(tmp_path / "parts/scores.npz") as b:
        np.testing.assert_array_equal(a["scores"], b["scores"])


@pytest.mark.slow
def test_without_validation_the_last_epoch_is_kept(tmp_path):
    result = small_run(tmp_path, 2, validation=None)
    assert result["best_epoch"] == 2
    assert "val_top1" not in (tmp_path / "history.csv").read_text()
    model = load_trained(make_model, tmp_path)
    images, _ = data()
    with np.load(tmp_path / "scores.npz") as kept:
        np.testing.assert_allclose(model.predict(images[80:], verbose=0), kept["scores"], atol=1e-6)


def test_monitor_must_be_measured(tmp_path):
    made = checkpoints.Checkpoints(tmp_path, monitor="val_top5")
    with pytest.raises(ValueError, match="'val_top5', which was not measured"):
        made.on_epoch_end(0, {"loss": 1.0})


@pytest.mark.parametrize("minutes", [0, -1, float("nan")])
def test_time_budget_must_be_positive(minutes):
    with pytest.raises(ValueError, match="max_minutes"):
        Clock(3, minutes)
