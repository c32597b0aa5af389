"""What TensorBoard gets: scalars of every measurement and curves as images."""

import keras
import numpy as np
import pytest

from keras_haframe.collapse import NeuralCollapseCallback
from tests.collapse.tiny import K, Tiny

tf = pytest.importorskip("tensorflow", reason="TensorFlow writes TensorBoard's files")
pytest.importorskip("tensorboard", reason="TensorFlow's summaries need it")


def events(folder):
    """`{tag: {step: value or PNG bytes}}` of all event files."""
    found: dict = {}
    for path in sorted(folder.glob("events*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                kept = tf.make_ndarray(value.tensor)
                found.setdefault(value.tag, {})[event.step] = kept
    return found


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
        width, height, png = found[f"collapse/{name}"][3][:3]
        picture = tf.io.decode_png(png).numpy()
        assert picture.shape[:2] == (int(height), int(width)) and picture.std() > 5
    assert "collapse/nc2" not in found  # not among the measures asked for


def test_no_files_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y = np.ones((12, 5), "float32"), np.arange(12, dtype="int32") % K
    model = Tiny()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, epochs=1, verbose=0, callbacks=[NeuralCollapseCallback((x, y), max_share=1.0)])
    assert not list(tmp_path.iterdir())
