"""Image changes against NumPy twins."""

import math

import numpy as np
import pytest
from PIL import Image

from keras_haframe.data import crops
from tests.data.archives import pixels

tf = pytest.importorskip("tensorflow")

RNG = np.random.default_rng(0)


def noise(height=9, width=7):
    return RNG.integers(0, 256, (height, width, 3), "uint8")


@pytest.mark.parametrize("mode", ["constant", "reflect"])
@pytest.mark.parametrize("last", [True, False])
def test_pad_and_crop_twin(mode, last):
    image = noise()
    padded = np.pad(image, ((4, 4), (4, 4), (0, 0)), mode)
    places = 9 if last else 8
    for _ in range(30):
        u, v = RNG.random(2).astype("float32")
        y, x = int(u * places), int(v * places)
        found = crops.pad_and_crop(image, tf.constant([u, v]), 4, mode, last)
        np.testing.assert_array_equal(found, padded[y : y + 9, x : x + 7])


@pytest.mark.parametrize(("last", "places"), [(True, 9), (False, 8)])
def test_all_offsets_are_drawn_equally_often(last, places):
    """With the papers' off-by-one the ninth never is (Q12)."""
    ramp = np.arange(32, dtype="float32")[:, None, None] * np.ones((1, 32, 3), "float32")
    numbers = (np.arange(720, dtype="float32") + 0.5) / 720

    def middle(u):
        return crops.pad_and_crop(ramp, tf.stack([u, 0.0]), 4, "constant", last)[16, 16, 0]

    offsets = tf.map_fn(tf.function(middle), tf.constant(numbers)).numpy().astype(int) - 12
    assert np.bincount(offsets).tolist() == [720 // places] * places


def test_the_largest_number_stays_inside():
    below_one = np.nextafter(np.float32(1), np.float32(0))
    for count in (1, 9, 500, 100_000):
        assert int(crops._place(tf.constant(below_one), count)) == count - 1
        assert int(crops._place(tf.constant(0.0), count)) == 0


def test_flip():
    image = noise()
    np.testing.assert_array_equal(crops.flip(image, 0.49), image[:, ::-1])
    np.testing.assert_array_equal(crops.flip(image, 0.5), image)


@pytest.mark.parametrize("shape", [(90, 60), (20, 33), (224, 10)])
def test_resize_is_pillows_bilinear(shape):
    """Pillow rounds between its two passes, so within a gray level."""
    image = noise(*shape)
    expected = np.asarray(Image.fromarray(image).resize((32, 32), Image.BILINEAR)).astype(float)
    found = crops.resize(image, (32, 32)).numpy()
    assert found.dtype == np.float32 and np.abs(found - expected).max() <= 1.01


def twin_box(height, width, numbers, scale, ratio):
    """RandomResizedCrop as a loop, in double precision."""
    area, log_ratio, top, left = numbers.reshape(4, 10)
    for a, r, t, le in zip(area, log_ratio, top, left):
        share = height * width * (scale[0] + (scale[1] - scale[0]) * a)
        aspect = math.exp(math.log(ratio[0]) + r * (math.log(ratio[1]) - math.log(ratio[0])))
        w, h = round(math.sqrt(share * aspect)), round(math.sqrt(share / aspect))
        if 0 < w <= width and 0 < h <= height:
            return int(t * (height - h + 1)), int(le * (width - w + 1)), h, w
    w, h = width, height
    if width / height < ratio[0]:
        h = round(width / ratio[0])
    elif width / height > ratio[1]:
        w = round(height * ratio[1])
    return (height - h) // 2, (width - w) // 2, h, w


@pytest.fixture(scope="module")
def box():
    return tf.function(crops.resized_crop_box)


@pytest.mark.parametrize("shape", [(375, 500), (500, 100), (30, 800), (1, 1), (224, 224)])
def test_resized_crop_box_twin(box, shape):
    agree = 0
    for _ in range(60):
        numbers = RNG.random(40).astype("float32")
        found = box(*map(tf.constant, shape), numbers).numpy()
        top, left, h, w = found
        assert 0 <= top and top + h <= shape[0] and 0 <= left and left + w <= shape[1]
        expected = twin_box(*shape, numbers.astype(float), (0.08, 1.0), (3 / 4, 4 / 3))
        assert np.abs(found - expected).max() <= 1  # rounding in single precision
        agree += tuple(found) == expected
    assert agree >= 57


def test_no_box_fits_takes_the_middle(box):
    """Every attempt wants the whole area at aspect ratio 4/3 of a tall image."""
    numbers = np.full(40, 0.999999, "float32")
    assert box(tf.constant(400), tf.constant(100), numbers).numpy().tolist() == [133, 0, 133, 100]
    assert box(tf.constant(100), tf.constant(400), numbers).numpy().tolist() == [0, 133, 100, 133]


def test_area_and_aspect_ratio_are_spread_as_published(box):
    """Share of the area uniform on 0.08..1, logarithm of the ratio uniform, in a large square."""
    numbers = RNG.random((600, 40)).astype("float32")
    numbers[:, :10] *= 0.6  # such areas always fit at the first attempt
    side = tf.constant(4000)
    boxes = tf.map_fn(
        lambda n: box(side, side, n), tf.constant(numbers), fn_output_signature=tf.int32
    ).numpy()
    share = boxes[:, 2] * boxes[:, 3] / 4000**2
    assert abs(share.mean() - (0.08 + 0.92 * 0.3)) < 0.025
    logarithm = np.log(boxes[:, 3] / boxes[:, 2])
    assert abs(logarithm.mean()) < 0.03
    assert abs(logarithm.std() - 2 * math.log(4 / 3) / math.sqrt(12)) < 0.015


def test_resized_crop_is_box_then_resize(box):
    image = pixels(0, 60, 80)
    numbers = RNG.random(40).astype("float32")
    top, left, h, w = box(tf.constant(60), tf.constant(80), numbers).numpy()
    expected = crops.resize(image[top : top + h, left : left + w], (16, 16))
    np.testing.assert_allclose(crops.resized_crop(image, numbers, (16, 16)), expected, atol=1e-3)


def test_whole_image_with_full_scale():
    """Area 1 and ratio 1 of a square image leave nothing to choose."""
    image = noise(12, 12)
    numbers = np.full(40, 0.5, "float32")
    found = crops.resized_crop(image, numbers, (12, 12), scale=(1.0, 1.0), ratio=(1.0, 1.0))
    np.testing.assert_allclose(found, image, atol=1e-3)


def test_bicubic_is_pillows_within_a_gray_level():
    image = np.random.default_rng(0).integers(0, 256, (40, 30, 3)).astype("uint8")
    theirs = Image.fromarray(image).resize((16, 20), Image.Resampling.BICUBIC)
    ours = crops.resize(image, (20, 16), "bicubic").numpy()
    assert np.abs(ours - np.asarray(theirs, "float32")).max() <= 1.01
    assert ours.min() >= 0 and ours.max() <= 255


def test_erased_boxes_are_noise_of_the_published_area():
    image = np.full((24, 30, 3), 9.0, "float32")
    generator = np.random.default_rng(0)
    areas = []
    erase = tf.function(lambda numbers: crops.erase(image, numbers, 0.5))
    for numbers in generator.random((60, 43)).astype("float32"):
        found = erase(numbers).numpy()
        changed = (found != image).all(-1)
        np.testing.assert_array_equal(found[~changed], image[~changed])
        if numbers[0] >= 0.5:
            assert not changed.any()
            continue
        assert changed.sum() == changed.any(1).sum() * changed.any(0).sum()  # one box
        areas.append(changed.mean())
        assert abs(found[changed].mean()) < 1.5 and found[changed].std() > 0.5
    assert 0.01 < min(areas) and max(areas) < 0.36 and np.std(areas) > 0.05
    np.testing.assert_array_equal(erase(numbers), erase(numbers))
