"""Checkpoints that are damaged, old, many, of another model, or cannot be written."""

import errno
import json
import pathlib
import zlib

import keras
import numpy as np
import pytest

from keras_haframe.training import Checkpoints, snapshots
from keras_haframe.training.intervals import steps_or_seconds
from keras_haframe.training.snapshots import Damaged
from tests.training.test_steps import (
    IMAGES,
    LABELS,
    arrays,
    assert_same,
    make_model,
    saved_at_once,  # noqa: F401
    train,
)

STATE = {"epochs": 3, "step": 0, "history": [], "best_epoch": None, "best_value": 0.5}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    train(folder, save_every=None)
    return folder


def files(folder):
    return sorted(p.name for p in (folder / "checkpoints").iterdir())


# Read whole or not at all -------------------------------------------------------------------------


def test_no_altered_byte_goes_unnoticed(tmp_path):
    path, rng = tmp_path / "epoch-0003.npz", np.random.default_rng(0)
    values = {"weights/0": rng.normal(size=(3, 4)).astype("float32"), "weights/1": np.float32(2)}
    snapshots.write(path, STATE, values)
    whole, refused = path.read_bytes(), 0
    for place in rng.integers(0, len(whole), 150):
        path.write_bytes(whole[:place] + bytes([rng.integers(256)]) + whole[place + 1 :])
        try:
            state, found = snapshots.read(path)
        except Damaged as error:
            assert str(path) in str(error)
            refused += 1
            continue
        assert state == STATE and found.keys() == values.keys()
        for name, value in values.items():
            np.testing.assert_array_equal(found[name], value)
    assert refused > 50
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(Damaged, match="epoch-0003"):
            snapshots.read(path)


@pytest.mark.parametrize("state", [[1], "text", 3, None, {}, {**STATE, "epochs": 2}])
def test_state_of_another_kind(tmp_path, state):
    np.savez(tmp_path / "epoch-0003.npz", state=np.array(json.dumps(state)))
    with pytest.raises(Damaged, match="epoch-0003"):
        snapshots.read(tmp_path / "epoch-0003.npz")


def test_the_newest_by_number_past_four_digits(tmp_path):
    names = [snapshots.file_name(*at) for at in ((9999, 0), (10000, 0), (10000, 12), (99999, 0))]
    for name in (*names, "epoch-x.npz", "epoch-0001.txt"):
        (tmp_path / name).touch()
    assert [p.name for p in snapshots.files(tmp_path)] == names[::-1]


def test_another_model_is_refused(undisturbed):
    other = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.Flatten()])
    other.compile("adam", "mse")
    with pytest.raises(ValueError, match="of another model: its weights are 6 arrays.* 0"):
        Checkpoints(undisturbed / "checkpoints").restore(other)


# Going on -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("saved_at_once")
def test_all_checkpoints_damaged(undisturbed, tmp_path, capsys):
    """The run begins anew; what is damaged is kept under another name and not over whole ones."""
    train(tmp_path, stops=[13], finish=False)
    for path in (tmp_path / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:-100])
    train(tmp_path, stops=[3], finish=False)
    assert capsys.readouterr().out.count("is passed over") == 3
    assert [n for n in files(tmp_path) if n.startswith("epoch")] == [
        "epoch-0000-step-0000001.npz", "epoch-0000-step-0000002.npz"
    ]  # fmt: skip
    train(tmp_path)
    assert_same(tmp_path, undisturbed)
    assert sum(name.startswith("aside-epoch-0001") for name in files(tmp_path)) == 3


def test_an_altered_best_epoch(tmp_path):
    """Never silently another accuracy: an error, or the run is trained again."""
    model, made = make_model(), Checkpoints(tmp_path, "val")
    model.fit(IMAGES, LABELS, verbose=0)
    made.set_model(model)
    for epoch, value in enumerate((2.0, 1.0, 1.0)):
        made.on_epoch_end(epoch, {"val": value})
    made.wait()
    best = tmp_path / snapshots.file_name(1)
    assert [path.name[:10] for path in snapshots.files(tmp_path)] == [
        "epoch-0003", "epoch-0002", "epoch-0001"
    ]  # fmt: skip
    content = bytearray(best.read_bytes())
    content[len(content) // 2] ^= 1
    best.write_bytes(content)
    with pytest.raises(ValueError, match="epoch-0001.npz is missing or damaged.*the best epoch"):
        made.load_best(make_model())
    reader = Checkpoints(tmp_path)
    assert reader.restore(make_model(), only_read=True) == 3
    with pytest.raises(ValueError, match="the best epoch"):
        reader.load_best(make_model())
    assert Checkpoints(tmp_path).restore(make_model()) == 0
    assert not list(tmp_path.glob("epoch-*"))


def test_history_and_curves_come_from_the_checkpoint(undisturbed, tmp_path):
    """The process may die between the last checkpoint and them."""
    train(tmp_path, save_every=None)
    (tmp_path / "history.csv").unlink()
    for path in (tmp_path / "tensorboard").rglob("events*"):
        path.unlink()
    train(tmp_path)
    assert_same(tmp_path, undisturbed)
    assert list((tmp_path / "tensorboard" / "train").iterdir())


@pytest.mark.slow
@pytest.mark.usefixtures("saved_at_once")
def test_a_full_disk_within_an_epoch(undisturbed, tmp_path, monkeypatch):
    save, calls = np.savez, []

    def full(path, **kwargs):
        calls.append(path)
        if len(calls) == 12:
            pathlib.Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(path, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        message = "step 4 of epoch 2 could not .*No space left.*up to 1 are safe"
        with pytest.raises(OSError, match=message):
            train(tmp_path)
    assert not list((tmp_path / "checkpoints").glob(".*"))
    train(tmp_path)
    assert_same(tmp_path, undisturbed)


def averaged():
    return make_model(optimizer=keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))


def anew(model):
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), model.loss)


@pytest.mark.slow
@pytest.mark.usefixtures("saved_at_once")
@pytest.mark.parametrize("how", ["averaged weights", "stages", "two steps at once"])
def test_stopped_in_other_trainings(tmp_path, how):
    options = {
        # `fit` puts in the averages at its end: not at that of a part
        "averaged weights": {"make_model": averaged},
        "stages": {"stages": {1: anew}},
        "two steps at once": {"make_model": lambda: make_model(steps_per_execution=2)},
    }[how]
    train(tmp_path / "whole", save_every=None, **options)
    model = train(tmp_path / "parts", stops=[3, 7] if "two" in how else [5, 8, 4], **options)
    assert_same(tmp_path / "whole", tmp_path / "parts")
    if how == "averaged weights":  # also where nothing but the end of `fit` was missing
        again = train(tmp_path / "parts", **options)
        for a, b in zip(model.weights, again.weights, strict=True):
            np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (a, b)))


def test_other_data_or_steps_than_the_checkpoint_has(tmp_path):
    made = Checkpoints(tmp_path, None)
    made._unfinished, made.step, made.begin = {}, 5, 4
    with pytest.raises(ValueError, match="of step 5, and this run has steps 2 at a time"):
        made.on_train_batch_begin(2)
    with pytest.raises(ValueError, match="of step 5 of epoch 2, whose data now end before"):
        made.on_epoch_end(1, {})


@pytest.mark.slow
@pytest.mark.usefixtures("saved_at_once")
def test_checkpoints_from_before(undisturbed, tmp_path):
    """Folders of two files, the best epoch's weights beside them."""
    folder = tmp_path / "checkpoints"
    path = folder / "epoch-0001"
    path.mkdir(parents=True)
    keras.utils.set_random_seed(0)
    model = make_model()
    model.fit(arrays(0), epochs=1, shuffle=False, verbose=0)
    model.save_weights(path / "model.weights.h5")
    model.save_weights(folder / "best-0001.weights.h5")
    known = {id(v) for v in model.weights}
    state = {
        "epochs": 1, "best_epoch": 0, "best_value": 9.0, "trained_range": None,
        "random": [np.asarray(v).tolist() for v in model.variables if id(v) not in known],
        "history": snapshots.read(undisturbed / "checkpoints/epoch-0003.npz")[0]["history"][:1],
        "checksum": zlib.crc32((path / "model.weights.h5").read_bytes()),
    }  # fmt: skip
    (path / "state.json").write_text(json.dumps(state))
    best, again = make_model(), make_model()
    assert Checkpoints(folder).restore(again) == 1
    train(tmp_path, stops=[3], finish=False)  # new ones, which need the old best epoch
    made = Checkpoints(folder)
    assert made.restore(again) == 1 and made.step == 2 and made.load_best(best) == 0
    a, b = (keras.ops.convert_to_numpy(m.weights[2]) for m in (best, model))
    np.testing.assert_array_equal(a, b)
    model = train(tmp_path)
    end = snapshots.read(undisturbed / "checkpoints/epoch-0003.npz")[1]
    for i, weight in enumerate(model.weights):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), end[f"weights/{i}"])


# How often ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "0", "1.5", "often", "5 days", float("nan")])
def test_save_every_is_steps_or_a_time(value):
    with pytest.raises(ValueError, match="`save_every` must be a number of steps or a time"):
        steps_or_seconds(value)


@pytest.mark.parametrize(
    ("every", "saved"), [(3, [3, 6]), ("3", [3, 6]), ("5s", [5]), ("1h", []), (None, [])]
)
def test_when_it_is_saved(tmp_path, monkeypatch, every, saved):
    """Eight steps of a second each."""
    now, found = [0.0], []
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    made = Checkpoints(tmp_path, None, every)
    for step in range(8):
        now[0] = float(step)
        if made._due(step):
            found.append(step)
            made._saved, made._saved_step = now[0], step
    assert found == saved
