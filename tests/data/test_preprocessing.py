"""From a decoded image to the model's input."""

import json
import sys

import keras
import numpy as np
import pytest

from keras_haframe.data import Augmentation, Preprocessing
from tests.saving.pictures import rgb

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="preprocessing is a TensorFlow graph"
)


def test_defaults_are_those_of_keras_data_sets():
    image = rgb(40, 60)
    expected = keras.ops.image.resize(image.astype("float32"), (8, 12), interpolation="bilinear")
    np.testing.assert_allclose(Preprocessing((8, 12))(image), expected, atol=1e-4)
    np.testing.assert_array_equal(Preprocessing((40, 60))(image), image)


@pytest.mark.parametrize(
    "options,expected",
    [
        ({"input_range": (-1.0, 1.0)}, lambda x: x / 127.5 - 1),
        ({"input_range": (0.0, 1.0)}, lambda x: x / 255),
        (
            {"input_range": (0.0, 1.0), "mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.1)},
            lambda x: (x / 255 - [0.4, 0.5, 0.6]) / [0.2, 0.3, 0.1],
        ),
        ({"mean": (103.9, 116.8, 123.7)}, lambda x: x - [103.9, 116.8, 123.7]),
    ],
)
def test_scaling(options, expected):
    image = rgb()
    scaled = Preprocessing((20, 30), **options)(image)
    np.testing.assert_allclose(scaled, expected(image.astype(np.float64)), atol=1e-4)


def test_crop_takes_the_central_box():
    image = rgb(32, 64)
    np.testing.assert_array_equal(Preprocessing((32, 32), "crop")(image), image[:, 16:48])
    half = Preprocessing((16, 16), "crop", crop_fraction=0.5)(image)
    np.testing.assert_array_equal(half, image[8:24, 24:40])
    tall = Preprocessing((32, 16), "crop")(rgb(32, 64))
    np.testing.assert_array_equal(tall, image[:, 24:40])


@pytest.mark.parametrize("shape", [(1, 500), (500, 1), (1, 1)])
def test_crop_of_slivers_stays_inside(shape):
    image = np.full((*shape, 3), 9, np.uint8)
    result = Preprocessing((24, 24), "crop", 0.5)(image)
    assert result.shape == (24, 24, 3) and np.all(np.asarray(result) == 9)


def test_pad_keeps_the_whole_image_on_black():
    result = np.asarray(Preprocessing((20, 20), "pad")(np.full((10, 20, 3), 200, np.uint8)))
    assert np.all(result[5:15] == 200) and not result[:5].any() and not result[15:].any()


@pytest.mark.parametrize("shape", [(1, 5_000, 3), (20_000, 1, 3), (1, 2, 3)])
def test_pad_keeps_slivers_as_a_line(shape):
    result = np.asarray(Preprocessing((16, 24), "pad")(np.full(shape, 200, np.uint8)))
    assert result.shape == (16, 24, 3)
    rows, columns = (result.max(axis) > 0 for axis in ((1, 2), (0, 2)))
    thin, long = (rows, columns) if shape[1] > shape[0] else (columns, rows)
    assert thin.sum() == max(1, 24 // 2 * (shape == (1, 2, 3))) and long.all()
    assert set(np.unique(result)) == {0, 200}


def test_pad_of_other_images_is_that_of_tensorflow():
    import tensorflow as tf

    rng = np.random.default_rng(0)
    for _ in range(40):
        height, width = rng.integers(3, 60, 2)
        image, size = rgb(int(height), int(width)), rng.integers(20, 40, 2).tolist()
        expected = tf.image.resize_with_pad(image, *size)
        np.testing.assert_array_equal(Preprocessing(tuple(size), "pad")(image), expected)


def test_antialias_averages():
    checker = np.indices((64, 64)).sum(0) % 2 * 255
    image = np.repeat(checker[..., None], 3, -1).astype(np.uint8)
    smooth = np.asarray(Preprocessing((8, 8), antialias=True)(image))
    assert np.abs(smooth[2:-2, 2:-2] - 127.5).max() < 10


def test_the_same_object_maps_a_data_set():
    import tensorflow as tf

    images = np.stack([rgb(seed=i) for i in range(3)])
    prepare = Preprocessing((6, 6), "crop", 0.875, input_range=(-1.0, 1.0))
    data = tf.data.Dataset.from_tensor_slices(images).map(prepare).batch(3)
    found = next(iter(data)).numpy()
    np.testing.assert_allclose(found, np.stack([prepare(i) for i in images]), atol=1e-6)


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_a_batch_is_prepared_as_its_images(resize):
    images = np.stack([rgb(20, 30, seed=i) for i in range(3)])
    prepare = Preprocessing((12, 9), resize, 0.8, input_range=(-1.0, 1.0))
    found = prepare(images)
    assert isinstance(found, np.ndarray) and found.dtype == np.float32
    np.testing.assert_allclose(found, np.stack([prepare(i) for i in images]), atol=1e-6)


@pytest.mark.parametrize("size", [None, (20, 30)])
def test_arrays_that_fit_need_no_tensorflow(size, monkeypatch):
    images = np.stack([rgb(20, 30, seed=i) for i in range(3)])
    prepare = Preprocessing(
        size, "crop", input_range=(0.0, 1.0), mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7),
        augmentation=Augmentation("pad_and_crop", 3),
    )  # fmt: skip
    normal = ((images / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.6, 0.7]).astype("float32")
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    np.testing.assert_allclose(prepare(images), normal, atol=1e-5)
    np.testing.assert_allclose(prepare(images[0]), normal[0], atol=1e-5)
    cropped = prepare.augmentation(np.random.default_rng(5), images)
    found = prepare.train_batch(np.random.default_rng(5), images)
    np.testing.assert_array_equal(found, prepare(cropped))
    assert found.shape == images.shape and (found != prepare(images)).any()


def test_training_batches_are_resized_before_they_are_cropped():
    """As `train` does with single images."""
    images = np.stack([rgb(20, 30, seed=i) for i in range(40)])
    prepare = Preprocessing((8, 8), augmentation=Augmentation("pad_and_crop", 1))
    found = prepare.train_batch(np.random.default_rng(0), images)
    padded = np.pad(prepare(images), ((0, 0), (1, 1), (1, 1), (0, 0)))
    for image, whole in zip(found, padded):
        cuts = [whole[y : y + 8, x : x + 8] for y in range(3) for x in range(3)]
        assert any((image == cut[:, ::step]).all() for cut in cuts for step in (1, -1))


def test_arrays_are_changed_by_padding_only():
    """A random box has another size in every image."""
    prepare = Preprocessing.imagenet_style((0.5,) * 3, (0.2,) * 3, 8, change="resized_crop")
    with pytest.raises(ValueError, match="training_batches.*change='resized_crop'"):
        prepare.train_batch(np.random.default_rng(0), np.zeros((2, 8, 8, 3)))
    plain = Preprocessing((8, 8))
    found = plain.train_batch(np.random.default_rng(0), np.full((2, 8, 8, 3), 7, "uint8"))
    np.testing.assert_array_equal(found, np.full((2, 8, 8, 3), 7.0))


@pytest.mark.parametrize(
    "options,message",
    [
        ({"resize": "zoom"}, "`resize` must be one of"),
        ({"interpolation": "best"}, "`interpolation` must be one of"),
        ({"crop_fraction": 0.0}, "crop_fraction=0.0"),
        ({"crop_fraction": 1.5}, "crop_fraction=1.5"),
        ({"input_range": (1.0, 0.0)}, "two rising numbers"),
        ({"std": (1.0, 0.0, 1.0)}, "`std` must be positive"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        Preprocessing((8, 8), **options)


def test_without_a_size_the_image_keeps_its_own():
    image = rgb()
    np.testing.assert_array_equal(Preprocessing()(image), image.astype("float32"))


def test_configuration_is_json_and_makes_an_equal_object():
    for prepare in (
        Preprocessing((8, 8), mean=(1.0, 2.0, 3.0)),
        Preprocessing.imagenet_style((0.5,) * 3, (0.2,) * 3, 64, change="resized_crop"),
    ):
        again = Preprocessing.from_config(json.loads(json.dumps(prepare.get_config())))
        assert again == prepare and again.augmentation == prepare.augmentation


def test_scale_of_numpy_arrays_is_that_of_tensors():
    """Whole data sets are scaled in NumPy, images of a pipeline in TensorFlow's graph."""
    import tensorflow as tf

    prepare = Preprocessing(input_range=(-1.0, 1.0), mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    image = rgb()
    one, two = prepare.scale(image), prepare.scale(tf.constant(image))
    three = keras.ops.convert_to_numpy(prepare.scale(keras.ops.convert_to_tensor(image)))
    np.testing.assert_allclose(one, three, rtol=1e-6)
    assert isinstance(one, np.ndarray) and one.dtype == np.float32 and two.dtype == tf.float32
    np.testing.assert_array_equal(one, two)


def test_augmentation_is_checked():
    with pytest.raises(ValueError, match=r"`change` must be one of .*'mixup'"):
        Augmentation("mixup")
    with pytest.raises(ValueError, match=r"`pad_mode` must be one of .*'CONSTANT'"):
        Augmentation("pad_and_crop", pad_mode="CONSTANT")
    with pytest.raises(ValueError, match="`size` must be given"):
        Preprocessing(augmentation=Augmentation("resized_crop"))
