"""Training without labels: files, stopping and going on, and the report of it."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.data import ArrayBatches
from keras_haframe.models import MAE, ViT
from keras_haframe.results import write_report
from keras_haframe.training import GroupedAdamW, Reconstructions, pretrain

IMAGES = np.random.default_rng(0).normal(size=(16, 8, 8, 3)).astype("float32")
EPOCHS = 2


def make_model():
    vit = ViT((8, 8, 3), (8, 1, 2), 2, drop_path=0.5)
    mae = MAE(vit, decoder_width=8, decoder_depth=0, decoder_heads=2)
    mae.compile(GroupedAdamW(0.01), run_eagerly=True)
    return mae


def run(folder, callbacks=list, **options):
    batches = ArrayBatches(IMAGES, np.zeros(16, int), 8, seed=5)
    return pretrain(
        make_model, batches.from_epoch, EPOCHS, folder, seed=2, callbacks=callbacks, verbose=0,
        **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mae")

    def picture():
        return [Reconstructions(IMAGES[:2], folder / "reconstructions.png")]

    return folder, run(folder, picture)


def test_files(undisturbed):
    folder, result = undisturbed
    assert json.loads((folder / "result.json").read_text()) == result
    assert (result["method"], result["seed"]) == (folder.name, 2) and result["loss"] > 0
    rows = (folder / "history.csv").read_text().splitlines()
    assert len(rows) == EPOCHS + 1 and float(rows[-1].split(",")[1]) == result["loss"]
    mae = keras.saving.load_model(folder / "model.keras", safe_mode=True)
    assert isinstance(mae, MAE) and tuple(mae.encoder(IMAGES[:2]).shape) == (2, 8)
    before = (folder / "model.keras").stat().st_mtime_ns
    assert run(folder) == result  # nothing is repeated
    assert (folder / "model.keras").stat().st_mtime_ns == before


@pytest.mark.slow
def test_going_on_is_the_same_as_never_stopping(undisturbed, tmp_path):
    """Masks, order and optimizer are those of the undisturbed run."""

    class StopAtTheSecond(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, lambda: [StopAtTheSecond()])
    result = run(tmp_path)
    assert result["loss"] == undisturbed[1]["loss"]
    first, second = (
        keras.saving.load_model(folder / "model.keras") for folder in (undisturbed[0], tmp_path)
    )
    for a, b in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(a), ops.convert_to_numpy(b))


def test_other_settings_are_refused(undisturbed):
    with pytest.raises(ValueError, match="made with mask_ratio=None; now it is mask_ratio=0.5"):
        run(undisturbed[0], settings={"mask_ratio": 0.5})


def test_report_shows_the_picture_and_the_loss(undisturbed, tmp_path):
    page = write_report(undisturbed[0], tmp_path / "page.html").read_text(encoding="utf-8")
    assert "reconstructions" in page and "Loss" in page and "Figures of the run" in page
