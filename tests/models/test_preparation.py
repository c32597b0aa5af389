"""`build(..., preprocessing=...)` and what `fit` makes of the images it sees."""

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.data import Augmentation, Preprocessing
from tests.saving import tiny

SIGNED = Preprocessing((16, 16), input_range=(-1.0, 1.0))
IMAGES, LABELS = tiny.images(12), np.arange(12) % 4


def test_it_is_kept_in_the_file_and_by_clones(tree, tmp_path):
    prepare = Preprocessing(
        (16, 16), "crop", 0.875, mean=(1.0, 2.0, 3.0), augmentation=Augmentation("pad_and_crop", 2)
    )
    model = tiny.model(tree, preprocessing=prepare)
    assert model.preprocessing is prepare and model.trained_range is None
    model.fit(prepare(IMAGES), LABELS, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert loaded.preprocessing == prepare and loaded.trained_range == model.trained_range
    assert loaded.trained_range.least == pytest.approx(prepare(IMAGES).min())
    assert tiny.model(tree).preprocessing is None


@pytest.mark.parametrize("images", [IMAGES, IMAGES.astype("uint8"), IMAGES / 255])
def test_images_that_it_did_not_make_are_refused_before_the_first_step(tree, images):
    model = tiny.model(tree, preprocessing=SIGNED)
    if images.max() <= 1:
        images[0, 0, 0] = 0.0, 1.0, 0.0  # as photographs have, black and white
    before = [w.copy() for w in model.get_weights()]
    with pytest.raises(ValueError, match=r"not prepared by .*become -1 and 1. Prepare them by it"):
        model.fit(images, LABELS, verbose=0)
    batches = kh.data.ArrayBatches(images, LABELS, 4)
    with pytest.raises(ValueError, match=r"not prepared by"):
        model.fit(batches, verbose=0)
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, new)
    model.fit(SIGNED(IMAGES), LABELS, verbose=0)


def test_the_range_is_that_of_the_first_images_of_a_stream(tree):
    model = tiny.model(tree)
    model.fit(kh.data.ArrayBatches(IMAGES, LABELS, 12), verbose=0)
    assert model.trained_range[0] == IMAGES.min() and model.trained_range[3] == IMAGES.max()


def test_bad_preparations(tree):
    with pytest.raises(ValueError, match="must be a keras_haframe.data.Preprocessing.*function"):
        tiny.model(tree, preprocessing=lambda image: image)
    with pytest.raises(ValueError, match=r"of size \(8, 8\); the model takes \(16, 16\)"):
        tiny.model(tree, preprocessing=Preprocessing((8, 8)))


@pytest.mark.slow
def test_a_known_backbone_that_gets_other_images_is_told_once(tree):
    net = keras.applications.MobileNetV2((32, 32, 3), 0.35, include_top=False, weights=None)
    model = kh.build(keras.Model(net.inputs, net.layers[3].output, name=net.name), tree)
    images = np.repeat(np.repeat(IMAGES, 2, 1), 2, 2)
    with pytest.warns(UserWarning, match="'mobilenetv2_0.35_32' want other images.*for_backbone"):
        model.fit(images, LABELS, verbose=0)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.fit(images / 127.5 - 1, LABELS, verbose=0)
