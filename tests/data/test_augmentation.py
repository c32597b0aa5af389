"""The published fine-tuning's changes of images, said by one `Augmentation`."""

import dataclasses

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from keras_haframe.data import Augmentation, Preprocessing  # noqa: E402
from keras_haframe.data.batches import training_batches  # noqa: E402
from keras_haframe.data.on_device import random_draws  # noqa: E402

IMAGES = np.random.default_rng(0).integers(0, 256, (8, 20, 24, 3)).astype("uint8")
FULL = Augmentation(
    "resized_crop", scale=(0.5, 1.0), interpolation="bicubic", operations=2, erasing=0.5
)
PREPROCESSING = Preprocessing(
    (16, 16), input_range=(0.0, 1.0), mean=(0.5,) * 3, std=(0.25,) * 3, augmentation=FULL
)


def images(preprocessing=PREPROCESSING, epochs=2, **options) -> np.ndarray:
    data = tf.data.Dataset.from_tensor_slices((IMAGES, np.arange(8)))
    batches = training_batches(data, preprocessing, 4, epochs=epochs, **options)
    return np.concatenate([x.numpy() for x, _ in batches])


@pytest.mark.slow
def test_a_run_taken_up_sees_the_same_images():
    whole = images()
    np.testing.assert_array_equal(whole, images())
    np.testing.assert_array_equal(whole[8:], images(epochs=1, first_epoch=1))
    assert not np.array_equal(whole[:8], images(seed=1)[:8])


@pytest.mark.slow
@pytest.mark.parametrize(
    "field,value",
    [("operations", 0), ("erasing", 0.0), ("interpolation", "bilinear"), ("strength", 2.0)],
)
def test_every_part_is_seen(field, value):
    less = dataclasses.replace(FULL, **{field: value})
    assert not np.array_equal(
        images(), images(dataclasses.replace(PREPROCESSING, augmentation=less))
    )


def test_noise_is_of_normalized_images():
    erased = dataclasses.replace(Augmentation(), erasing=1.0)
    flat = Preprocessing((16, 16), input_range=(0.0, 1.0), augmentation=erased)
    found = images(flat, epochs=20)
    noise = found[(found < 0) | (found > 1)]
    assert len(noise) > 1000 and abs(found).max() < 6


def test_goes_through_json():
    assert Preprocessing.from_config(PREPROCESSING.get_config()) == PREPROCESSING


@pytest.mark.parametrize("options", [{"operations": 1}, {"erasing": 0.1}])
def test_batches_in_numpy_are_refused(options):
    change = Augmentation("pad_and_crop", **options)
    with pytest.raises(ValueError, match="single images in `tf.data`.*Received: operations="):
        change(np.random.default_rng(0), IMAGES)
    with pytest.raises(ValueError, match="single images in `tf.data`"):
        random_draws(np.random.default_rng(0), np.zeros((4, 4), int), change)


@pytest.mark.parametrize("options", [{"operations": -1}, {"strength": 11}, {"erasing": 1.5},
                                     {"interpolation": "lanczos"}])  # fmt: skip
def test_out_of_range(options):
    with pytest.raises(ValueError, match=f"`{next(iter(options))}` must be"):
        Augmentation("none", **options)


def test_never_mirrored():
    """In `tf.data`; in NumPy: test_drawn_catalogue.py."""
    ramp = tf.constant(np.arange(8.0)[:, None] * np.ones((8, 8, 3)), tf.float32)
    for mirror in (True, False):
        how = Augmentation("pad_and_crop", padding=0, mirror=mirror)
        found = how.one(ramp, tf.constant([0.1, 0.5, 0.5]))
        np.testing.assert_array_equal(found, ramp[:, ::-1] if mirror else ramp)
