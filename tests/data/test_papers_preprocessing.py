"""The papers' pipelines, written out in NumPy."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from keras_haframe.data import (
    cifar100,
    crops,
    fgvc_aircraft,
    inaturalist2019,
    tiered_imagenet_h,
)
from tests.data.archives import encoded, pixels

tf = pytest.importorskip("tensorflow")

RNG = np.random.default_rng(0)
CONSTANTS = {
    "cifar100": ((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)),
    "fgvc_aircraft": (
        (0.4880712, 0.5191783, 0.54383063), (0.21482512, 0.20683703, 0.23937796),
    ),
    "inaturalist2019": ((0.454, 0.474, 0.367), (0.237, 0.230, 0.249)),
    "tiered_imagenet_h": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}  # fmt: skip


def normalized(image, name):
    mean, std = (np.array(v) for v in CONSTANTS[name])
    return (np.asarray(image, np.float64) / 255 - mean) / std


PREPROCESSING = {
    "cifar100": cifar100.PREPROCESSING,
    "fgvc_aircraft": fgvc_aircraft.PREPROCESSING,
    "inaturalist2019": inaturalist2019.PREPROCESSING,
    "tiered_imagenet_h": tiered_imagenet_h.PREPROCESSING,
}


def changed(name, **changes):
    """The preprocessing of a data set with another augmentation."""
    how = PREPROCESSING[name]
    return dataclasses.replace(how, augmentation=dataclasses.replace(how.augmentation, **changes))


@pytest.mark.parametrize("papers", [False, True])
def test_cifar_twin(papers):
    """Normalize, reflect-pad 4, crop at 0..8 (the papers: 0..7), mirror every other image."""
    pipeline = changed("cifar100", last_offset=not papers)
    assert pipeline.augmentation.numbers == 3
    image = RNG.integers(0, 256, (32, 32, 3), "uint8")
    padded = np.pad(normalized(image, "cifar100"), ((4, 4), (4, 4), (0, 0)), "reflect")
    places, corners = 8 if papers else 9, set()
    for u in RNG.random((40, 3)).astype("float32"):
        y, x = (int(v * places) for v in u[1:])
        corners |= {y, x}
        expected = padded[y : y + 32, x : x + 32]
        expected = expected[:, ::-1] if u[0] < 0.5 else expected
        found = pipeline.train(tf.constant(image), tf.constant(u))
        assert found.dtype == tf.float32 and found.shape == (32, 32, 3)
        np.testing.assert_allclose(found, expected, atol=2e-6)
    assert (8 in corners) != papers


def test_aircraft_twin():
    """Resize to 224 x 224 whatever the shape, pad 4 with black, crop, mirror, normalize."""
    pipeline = PREPROCESSING["fgvc_aircraft"]
    image = pixels(0, 90, 160)
    resized = np.asarray(Image.fromarray(image).resize((224, 224), Image.BILINEAR))
    padded = np.pad(resized, ((4, 4), (4, 4), (0, 0)))
    for u in (np.array(v, "float32") for v in ([0.2, 0.0, 0.99], [0.7, 0.5, 0.3])):
        y, x = int(u[1] * 9), int(u[2] * 9)
        expected = padded[y : y + 224, x : x + 224]
        expected = normalized(expected[:, ::-1] if u[0] < 0.5 else expected, "fgvc_aircraft")
        found = pipeline.train(tf.constant(image), tf.constant(u))
        assert np.abs(found - expected).max() < 1.1 / 255 / 0.2  # a gray level
    black = normalized(np.zeros(3), "fgvc_aircraft")
    found = pipeline.train(tf.constant(image), tf.constant([0.7, 0.0, 0.0])).numpy()
    np.testing.assert_allclose(found[:4], np.broadcast_to(black, (4, 224, 3)), atol=1e-5)


@pytest.mark.parametrize("name", ["inaturalist2019", "tiered_imagenet_h"])
def test_resized_crop_twin(name):
    pipeline = PREPROCESSING[name]
    assert pipeline.augmentation.numbers == 41
    image = pixels(1, 100, 140)
    for _ in range(4):
        u = RNG.random(41).astype("float32")
        top, left, h, w = crops.resized_crop_box(100, 140, u[1:]).numpy()
        cut = Image.fromarray(image[top : top + h, left : left + w])
        expected = np.asarray(cut.resize((224, 224), Image.BILINEAR))
        expected = normalized(expected[:, ::-1] if u[0] < 0.5 else expected, name)
        found = pipeline.train(tf.constant(image), tf.constant(u))
        assert found.shape == (224, 224, 3)
        assert np.abs(found - expected).max() < 1.1 / 255 / 0.2


@pytest.mark.parametrize("name", CONSTANTS)
def test_evaluation_only_resizes_and_normalizes(name):
    pipeline = PREPROCESSING[name]
    image = pixels(2, 32, 32) if name == "cifar100" else pixels(2, 70, 50)
    if name != "cifar100":
        image = image[:, ::-1]
        size = (224, 224)
        resized = np.asarray(Image.fromarray(image).resize(size, Image.BILINEAR))
        tolerance = 1.1 / 255 / 0.2
    else:
        resized, tolerance = image, 2e-6
    found = pipeline.evaluate(tf.constant(image))
    assert np.abs(found - normalized(resized, name)).max() < tolerance


@pytest.mark.parametrize("name", ["fgvc_aircraft", "tiered_imagenet_h"])
def test_export_prepares_images_the_same_way(name):
    """Called on a decoded image it is `evaluate`: the same object serves."""
    pipeline, image = PREPROCESSING[name], tf.constant(pixels(3, 80, 60))
    np.testing.assert_allclose(pipeline(image), pipeline.evaluate(image), atol=2e-6)


def test_export_of_cifar_keeps_the_size():
    preprocessing = PREPROCESSING["cifar100"]
    image = RNG.integers(0, 256, (2, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(preprocessing.scale(image), normalized(image, "cifar100"), atol=2e-6)
    assert preprocessing.size is None


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_takes_encoded_images(kind):
    data = encoded(pixels(4, 50, 40), kind)
    decoded = np.asarray(Image.open(io.BytesIO(data)))
    pipeline = PREPROCESSING["inaturalist2019"]
    fn = tf.function(lambda x: pipeline.evaluate(x))
    found = fn(tf.constant(data))
    assert fn.get_concrete_function(tf.TensorSpec((), tf.string)).output_shapes == (224, 224, 3)
    # Pillow decodes to the same values but for rounding.
    assert np.abs(found - pipeline.evaluate(tf.constant(decoded))).max() < 1.1 / 255 / 0.23


def test_change_none_trains_on_what_is_evaluated():
    pipeline = changed("cifar100", change="none")
    image = tf.constant(pixels(5, 32, 32))
    assert pipeline.augmentation.numbers == 0
    np.testing.assert_array_equal(pipeline.train(image, tf.zeros([0])), pipeline.evaluate(image))
