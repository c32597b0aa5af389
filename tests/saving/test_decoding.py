"""Decoding in the graph: every kind of image has a defined result, and none fails the batch."""

import zlib

import keras
import numpy as np
import pytest
from PIL import Image

from keras_haframe.data import Preprocessing
from keras_haframe.saving.decoding import DAMAGED, NOT_AN_IMAGE, decode_batch
from tests.saving.pictures import (
    BAD,
    animation,
    chunk,
    encode,
    jpeg_of_scans,
    jpeg_of_size,
    png_of_size,
    png_with,
    rgb,
    with_segment,
)

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="decoding is a TensorFlow graph"
)
LIMIT = 10_000
SHAPE = (20, 30, 3)


@pytest.fixture(scope="module")
def decode():
    """The traced graph as a function of a list of byte strings; NumPy arrays come back."""
    import tensorflow as tf

    prepare = Preprocessing(SHAPE[:2])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def graph(data):
        return decode_batch(data, prepare, SHAPE, LIMIT)

    def call(data: list):
        images, ok, error = graph(tf.constant(data, tf.string))
        return images.numpy(), ok.numpy(), [e.decode() for e in error.numpy()]

    return call


def one(decode, data: bytes) -> np.ndarray:
    images, ok, error = decode([data])
    assert ok.tolist() == [True] and error == [""]
    return images[0]


def test_png_is_exact(decode):
    np.testing.assert_array_equal(one(decode, encode(rgb())), rgb())
    progressive = encode(rgb(), "JPEG", quality=95, progressive=True, subsampling=0)
    assert np.abs(one(decode, progressive) - rgb()).max() <= 12


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_gray_fills_three_channels(decode, format):
    gray = rgb()[..., 0]
    image = one(decode, encode(gray, format, **({"quality": 100} if format == "JPEG" else {})))
    assert np.abs(image - gray[..., None]).max() <= (0 if format == "PNG" else 12)
    assert np.ptp(image, axis=-1).max() == 0


def test_alpha_is_dropped_not_blended(decode):
    alpha = np.dstack([rgb(), np.zeros((20, 30), np.uint8)])
    np.testing.assert_array_equal(one(decode, encode(alpha)), rgb())
    gray = np.dstack([rgb()[..., 0], np.zeros((20, 30), np.uint8)])
    image = one(decode, encode(Image.fromarray(gray, "LA")))
    np.testing.assert_array_equal(image, np.repeat(gray[..., :1], 3, -1))


def test_palette_and_one_bit(decode):
    palette = Image.fromarray(rgb()).quantize(16)
    np.testing.assert_array_equal(one(decode, encode(palette)), np.asarray(palette.convert("RGB")))
    bits = Image.fromarray(rgb()[..., 0] > 127)
    np.testing.assert_array_equal(one(decode, encode(bits)), np.asarray(bits.convert("RGB")))


def test_sixteen_bits_keep_the_upper_eight(decode):
    import tensorflow as tf

    deep = rgb().astype(np.uint16) * 256 + 200
    np.testing.assert_array_equal(one(decode, tf.io.encode_png(deep).numpy()), rgb())
    gray = Image.fromarray(deep[..., 0])
    np.testing.assert_array_equal(one(decode, encode(gray)), np.repeat(rgb()[..., :1], 3, -1))


def test_cmyk_jpeg_becomes_rgb(decode):
    image = one(decode, encode(rgb(), "JPEG", "CMYK", quality=100, subsampling=0))
    assert np.abs(image - rgb()).max() <= 20


def test_animated_png_gives_its_first_frame_and_gif_is_refused(decode):
    assert one(decode, animation("PNG")).max() == 0
    _, ok, error = decode([animation("GIF")])
    assert not ok[0] and error == [NOT_AN_IMAGE]


@pytest.mark.parametrize("kind", BAD)
def test_bad_bytes_are_flagged_and_the_others_answered(decode, kind):
    good = encode(rgb())
    images, ok, error = decode([good, BAD[kind], good])
    assert ok.tolist() == [True, False, True]
    assert error[0] == error[2] == "" and error[1] in (DAMAGED, NOT_AN_IMAGE)
    np.testing.assert_array_equal(images[0], rgb())
    np.testing.assert_array_equal(images[2], rgb())
    assert not images[1].any()


def test_the_reason_tells_damage_from_other_formats(decode):
    _, _, error = decode([BAD[k] for k in ("empty", "text", "tiff", "half a png", "half a jpeg")])
    assert error == [NOT_AN_IMAGE] * 3 + [DAMAGED] * 2


def test_the_limit_is_on_pixels_and_read_from_the_header(decode):
    at_limit, above = np.zeros((100, 100, 3), np.uint8), np.zeros((101, 100, 3), np.uint8)
    for format in ("PNG", "JPEG"):
        _, ok, error = decode([encode(above, format), encode(at_limit, format)])
        assert ok.tolist() == [False, True]
        assert error == ["image larger than 10,000 pixels", ""]
    # Never decoded: the data behind these headers would not fill a line.
    edge = 2**31 - 1
    bombs = [png_of_size(edge, edge), png_of_size(60_000, 60_000), jpeg_of_size(65_000, 65_000)]
    _, ok, error = decode(bombs)
    assert not ok.any() and set(error) == {"image larger than 10,000 pixels"}


@pytest.mark.slow
def test_a_real_bomb_is_not_decoded():
    """36 million white pixels in 35 kilobytes are refused by the default limit, unread."""
    import resource

    import tensorflow as tf

    data = encode(Image.new("1", (6_000, 6_000), 1))
    assert len(data) < 40_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _, ok, error = decode_batch(tf.constant([data] * 8), Preprocessing(SHAPE[:2]), SHAPE)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert not ok.numpy().any() and error.numpy()[0] == b"image larger than 33,554,432 pixels"
    assert grown < 60_000  # kB; one of the eight decoded would take 105,000


def test_a_jpeg_of_many_scans_is_refused(decode):
    """Each goes over all pixels again: 260 kB with 1,200 took 14 s."""
    _, ok, error = decode([jpeg_of_scans(64), jpeg_of_scans(65), jpeg_of_scans(5_000)])
    assert ok.tolist() == [True, False, False]
    assert error[1:] == ["JPEG image of more than 64 scans"] * 2


def test_what_hides_scans_from_a_count_does_not(decode):
    many, end = jpeg_of_scans(200), b"\xff\xd9"
    at = many.rindex(b"\xff\xda", 0, -1_000)
    hidden = [
        with_segment(many, 0xFE, end),  # an end in a comment
        many[:at] + b"\xff\x02\xff\xff" + many[at:],  # no marker, but like one with a length
        many[:at] + b"\xff\xd3\xff\xff" + many[at:],  # a restart, which has no length
        many[:at] + b"\xff\xff\xff" + many[at:],  # filling
    ]
    _, ok, error = decode(hidden)
    assert not ok.any() and set(error) == {"JPEG image of more than 64 scans"}


@pytest.mark.slow
def test_the_look_at_a_file_of_markers_takes_little_memory(decode):
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    photo = encode(rgb(), "JPEG")
    _, ok, _ = decode([photo[:-2] + b"\xff\x01" * 50_000_000 + jpeg_of_scans(70)[2:]])
    assert not ok[0]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 900_000  # kB


def test_markers_that_are_no_scans_are_not_counted(decode):
    photo = encode(rgb(), "JPEG", progressive=True, quality=95)
    film = np.random.default_rng(0).integers(0, 256, 8_000_000, np.uint8).tobytes()
    assert film.count(b"\xff\xda") > 64
    fine = [
        with_segment(photo, 0xE1, b"Exif\0\0" + jpeg_of_scans(300)),  # a thumbnail
        photo + jpeg_of_scans(300),  # a second picture behind the first
        photo + film,
    ]
    images, ok, _ = decode(fine)
    assert ok.all()
    np.testing.assert_array_equal(images, np.stack([one(decode, photo)] * 3))


def test_a_png_of_many_compressed_texts_is_refused(decode):
    """Each of 8 kB grows to 8 MB: 3 MB of them took 12 seconds."""
    for kind, head in ((b"zTXt", b"k\0\0"), (b"iTXt", b"k\0\1\0\0\0")):
        text = chunk(kind, head + zlib.compress(b"x"))
        _, ok, error = decode([png_with(text * 16), png_with(text * 17)])
        assert ok.tolist() == [True, False]
        assert error[1] == "PNG image with more than 16 compressed texts"


@pytest.mark.parametrize("batch", [[], [b"x"], [b"", b"x", BAD["half a png"]]])
def test_batches_without_a_good_image(decode, batch):
    images, ok, error = decode(batch)
    assert images.shape == (len(batch), *SHAPE) and not images.any()
    assert ok.shape == (len(batch),) and not ok.any() and all(error)


def test_many_rows_keep_their_order(decode):
    rng = np.random.default_rng(3)
    kinds = rng.integers(0, 4, 64)
    pictures = [rgb(seed=i) for i in range(64)]
    bad = list(BAD.values())
    data = [bad[i % len(bad)] if k == 0 else encode(pictures[i]) for i, k in enumerate(kinds)]
    images, ok, _ = decode(data)
    assert ok.tolist() == (kinds > 0).tolist()
    for i in np.flatnonzero(kinds):
        np.testing.assert_array_equal(images[i], pictures[i])


@pytest.mark.slow
def test_one_channel_models_get_gray(decode):
    import tensorflow as tf

    gray = rgb()[..., 0]
    data = tf.constant([encode(gray), encode(rgb()), b"?"])
    images, ok, _ = decode_batch(data, Preprocessing((20, 30)), (20, 30, 1), LIMIT)
    assert images.shape == (3, 20, 30, 1) and ok.numpy().tolist() == [True, True, False]
    np.testing.assert_array_equal(images[0, ..., 0], gray)


def test_slivers(decode):
    for shape in ((1, 9_000, 3), (9_000, 1, 3), (1, 1, 3)):
        image = one(decode, encode(np.full(shape, 77, np.uint8)))
        assert np.abs(image - 77).max() < 1e-3
