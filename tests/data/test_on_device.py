"""Images on the accelerator against the same augmentation in NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.data import Preprocessing
from keras_haframe.data.on_device import ImageTable, random_draws, still

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (9, 8, 6, 3)).astype("uint8")
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.25)


def preparing(**augmentation):
    options = {"padding": 2, "pad_mode": "reflect", **augmentation}
    return Preprocessing.imagenet_style(MEAN, STD, None, change="pad_and_crop", **options)


def normal(images):
    return (images / 255.0 - MEAN) / STD


@pytest.fixture
def table():
    return ImageTable(IMAGES.shape, preparing()).fill(IMAGES)


def test_still_images(table):
    rows = [3, 0, 8, 3]
    found = ops.convert_to_numpy(table(still(rows, padding=2)))
    np.testing.assert_allclose(found, normal(IMAGES[rows]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", ["reflect", "constant"])
@pytest.mark.parametrize("last", [True, False])
def test_same_crops_as_in_numpy(last, mode):
    rows = np.arange(9).repeat(5)
    how = preparing(last_offset=last, pad_mode=mode)
    table = ImageTable(IMAGES.shape, how).fill(IMAGES)
    draws = random_draws(np.random.default_rng(7), still(rows, 2), how.augmentation)
    expected = how.augmentation(np.random.default_rng(7), IMAGES[rows])
    found = ops.convert_to_numpy(table(draws))
    np.testing.assert_allclose(found, normal(expected), rtol=1e-5, atol=1e-6)
    batch = how.train_batch(np.random.default_rng(7), IMAGES[rows])
    np.testing.assert_allclose(found, batch, rtol=1e-5, atol=1e-6)
    assert draws[:, 1:3].max() == 4 - (not last) and set(draws[:, 3]) == {0, 1}


@pytest.mark.slow
def test_a_model_trains_on_draws_and_its_weights_hold_no_images(table, tree, tmp_path):
    inputs = keras.Input((4,), dtype="int32")
    net = keras.Model(inputs, keras.layers.Conv2D(5, 3)(table(inputs)))
    model = kh.build(net, tree)
    labels = np.arange(9) % 4
    model.fit(still(np.arange(9), 2), labels, batch_size=3, verbose=0)
    scores = model.predict(still(np.arange(9), 2), verbose=0)
    model.save_weights(tmp_path / "m.weights.h5")
    assert (tmp_path / "m.weights.h5").stat().st_size < 200_000
    model.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(model.predict(still(np.arange(9), 2), verbose=0), scores)


def test_bfloat16_output():
    table = ImageTable(IMAGES.shape, preparing(), dtype="mixed_bfloat16").fill(IMAGES)
    found = table(still([1], 2))
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"
    expected = normal(IMAGES[1:2])
    found = ops.convert_to_numpy(ops.cast(found, "float32"))
    np.testing.assert_allclose(found, expected, rtol=1e-2, atol=1e-2)


def test_other_images_are_refused(table):
    with pytest.raises(ValueError, match="must be uint8 of shape"):
        table.fill(IMAGES.astype("float32"))
    with pytest.raises(ValueError, match=r"\(8, 8, 6, 3\)"):
        table.fill(IMAGES[:8])


def test_the_configuration_makes_the_layer_again(table):
    again = ImageTable.from_config(table.get_config())
    assert again.preprocessing == table.preprocessing and again.shape == table.shape
