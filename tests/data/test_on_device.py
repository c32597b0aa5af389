"""Images on the accelerator against the same augmentation in NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.data.augment_arrays import random_crop_and_flip
from keras_haframe.data.on_device import ImageTable, random_draws, still

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (9, 8, 6, 3)).astype("uint8")
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.25)


def normal(images):
    return (images / 255.0 - MEAN) / STD


@pytest.fixture
def table():
    return ImageTable(IMAGES.shape, MEAN, STD, pad=2).fill(IMAGES)


def test_still_images(table):
    rows = [3, 0, 8, 3]
    found = ops.convert_to_numpy(table(still(rows, pad=2)))
    np.testing.assert_allclose(found, normal(IMAGES[rows]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("last", [True, False])
def test_same_crops_as_in_numpy(table, last):
    rows = np.arange(9).repeat(5)
    draws = random_draws(np.random.default_rng(7), still(rows, 2), 2, last)
    expected = random_crop_and_flip(np.random.default_rng(7), IMAGES[rows], 2, last)
    found = ops.convert_to_numpy(table(draws))
    np.testing.assert_allclose(found, normal(expected), rtol=1e-5, atol=1e-6)
    assert draws[:, 1:3].max() == 4 - (not last) and set(draws[:, 3]) == {0, 1}


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
    table = ImageTable(IMAGES.shape, MEAN, STD, dtype="mixed_bfloat16").fill(IMAGES)
    found = table(still([1]))
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"
    expected = normal(IMAGES[1:2])
    found = ops.convert_to_numpy(ops.cast(found, "float32"))
    np.testing.assert_allclose(found, expected, rtol=1e-2, atol=1e-2)


def test_other_images_are_refused(table):
    with pytest.raises(ValueError, match="must be uint8 of shape"):
        table.fill(IMAGES.astype("float32"))
    with pytest.raises(ValueError, match=r"\(8, 8, 6, 3\)"):
        table.fill(IMAGES[:8])
