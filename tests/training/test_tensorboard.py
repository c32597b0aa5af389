"""What TensorBoard shows: metrics of epochs, measurements of collapse and their curves."""

import io
import time

import keras
import matplotlib.image
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_haframe.collapse import NeuralCollapseCallback
from keras_haframe.training.tensorboard import EpochScalars
from tests.collapse.tiny import K, Tiny
from tests.disk import disk


def events(folder):
    """`{tag: {step: value or image}}` of all event files, as TensorBoard reads them."""
    reader = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0})
    reader.Reload()
    tags = reader.Tags()
    found = {tag: {e.step: e.value for e in reader.Scalars(tag)} for tag in tags["scalars"]}
    for tag in tags["images"]:
        found[tag] = {e.step: e for e in reader.Images(tag)}
    return found


@pytest.mark.slow
def test_scalars_and_images(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((48, 5)).astype("float32"), rng.integers(0, K, 48).astype("int32")
    model = Tiny()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    callback = NeuralCollapseCallback(
        (x, y), (x, y), every=2, max_share=1.0, measures=("nc1", "nc4"), log_dir=tmp_path
    )
    model.fit(x, y, batch_size=16, epochs=4, verbose=0, callbacks=[callback])
    found = events(tmp_path)
    assert [m["epoch"] for m in callback.measurements] == [1, 3]
    for measured in callback.measurements:
        for key in ("train_nc1", "test_nc4", "train_nc2"):
            value = found[f"collapse/{key}"][measured["epoch"]]
            assert float(value) == pytest.approx(measured[key], rel=1e-6, abs=1e-7)
    for name in ("nc1", "nc4"):
        assert set(found[f"collapse/{name}"]) == {1, 3}
        image = found[f"collapse/{name}"][3]
        picture = matplotlib.image.imread(io.BytesIO(image.encoded_image_string), "png")
        assert picture.shape[:2] == (image.height, image.width) and picture.std() > 0.02
    assert "collapse/nc2" not in found  # not among the measures asked for


def test_no_files_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y = np.ones((12, 5), "float32"), np.arange(12, dtype="int32") % K
    model = Tiny()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, epochs=1, verbose=0, callbacks=[NeuralCollapseCallback((x, y), max_share=1.0)])
    assert not list(tmp_path.iterdir())


def test_epochs_of_a_run_taken_up_again(tmp_path):
    """Each epoch once, with its value, though the first attempt wrote some already."""
    history = []

    def run(epochs):
        callback = EpochScalars(tmp_path, history)
        callback.on_train_begin()
        for epoch in epochs:
            history.append({"epoch": epoch, "loss": 3.0 - epoch, "val_top1": 0.25 * epoch})
            callback.on_epoch_end(epoch)
        return callback

    run([0, 1])  # killed: no end
    run([2]).on_train_end()
    train, validation = events(tmp_path / "train"), events(tmp_path / "validation")
    assert train == {"loss": {1: 3.0, 2: 2.0, 3: 1.0}}
    assert validation == {"top1": {1: 0.0, 2: 0.25, 3: 0.5}}
    for name in ("train", "validation"):
        assert len(list((tmp_path / name).iterdir())) == 1
    reader = EventAccumulator(str(tmp_path / "train")).Reload()
    assert abs(reader.Scalars("loss")[0].wall_time - time.time()) < 600


def test_a_full_disk(tmp_path):
    """TensorFlow writes the files where it is there, and has an error of its own."""
    with disk(tmp_path / "disk", 8192) as folder:
        (folder / "full").write_bytes(b"0" * 4096)
        with pytest.raises(OSError, match=r"disk/tensorboard could not .*\(No space left") as error:
            callback = EpochScalars(folder / "tensorboard", [])
            callback.on_train_begin()
            for epoch in range(99):
                callback.history.append({"epoch": epoch, **dict.fromkeys("abcdefghijk", 1.0)})
                callback.on_epoch_end(epoch)
        assert error.value.errno == 28
