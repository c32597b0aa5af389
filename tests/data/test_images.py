"""Checked image files."""

import io

import numpy as np
import pytest
from PIL import Image

from keras_haframe.data import Preprocessing
from keras_haframe.data.images import checked_image, cut_bottom, pixels_of
from keras_haframe.saving.decoding import decode_batch
from tests.data.archives import CORRUPT, encoded, jpeg, pixels
from tests.saving.pictures import animation, encode, rgb

tf = pytest.importorskip("tensorflow")


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees
    return exif


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_jpeg_and_png_pass_unchanged(kind):
    data = encoded(pixels(0), kind)
    assert checked_image(data, "a") == data


@pytest.mark.parametrize("kind", ["bmp", "gif", "webp", "tiff", "ppm"])
def test_other_kinds_become_png(kind):
    data = checked_image(encoded(pixels(0), kind), f"a.{kind}")
    assert data.startswith(b"\x89PNG")
    found = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    lossy = kind in ("gif", "webp")
    assert np.abs(found - pixels(0)).max() <= (20 if lossy else 0)


def test_gray_and_cmyk_and_transparent_images_decode_to_rgb():
    for mode, kind in (("L", "jpeg"), ("CMYK", "jpeg"), ("RGBA", "png"), ("P", "png")):
        file = io.BytesIO()
        Image.fromarray(pixels(1)).convert(mode).save(file, kind)
        data = checked_image(file.getvalue(), mode)
        assert data == file.getvalue()
        assert tf.io.decode_image(data, 3, expand_animations=False).shape == (40, 30, 3)


DEEP = np.repeat(rgb()[..., :1].astype(np.uint16) * 256 + 200, 3, -1)
KINDS = {
    "baseline": encode(rgb(), "JPEG", quality=75),
    "progressive": encode(rgb(), "JPEG", quality=90, progressive=True),
    "no subsampling": encode(rgb(), "JPEG", subsampling=0),
    "gray jpeg": encode(rgb()[..., 0], "JPEG"),
    "cmyk jpeg": encode(rgb(), "JPEG", "CMYK"),
    "turned by exif": encode(rgb(), "JPEG", exif=turned()),
    "png": encode(rgb()),
    "gray png": encode(rgb()[..., 0]),
    "palette": encode(rgb(), mode="P"),
    "gray and alpha": encode(rgb(), mode="LA"),
    "alpha": encode(np.dstack([rgb(), rgb()[..., 0]])),
    "animated png": animation("PNG"),
}


@pytest.mark.parametrize("kind", [*KINDS, "16 bits"])
def test_training_decodes_as_the_served_model_and_as_pillow(kind):
    """To the last gray level; the served graph was off by five of them."""
    data = KINDS[kind] if kind in KINDS else tf.io.encode_png(DEEP).numpy()
    trained = Preprocessing().evaluate(tf.constant(data)).numpy()
    served, ok, _ = decode_batch(tf.constant([data]), Preprocessing(), trained.shape)
    assert ok.numpy().all()
    np.testing.assert_array_equal(trained, served[0])
    by_pillow = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(trained, by_pillow if kind in KINDS else DEEP // 256)
    np.testing.assert_array_equal(pixels_of(data), trained)


def test_other_files_of_16_bits_keep_the_upper_eight():
    """Pillow alone makes them white."""
    data = encode(Image.fromarray(DEEP[..., 0]), "TIFF")
    np.testing.assert_array_equal(pixels_of(data), DEEP // 256)
    with pytest.raises(ValueError, match=r"a\.tif .*32 bits a pixel \(mode 'F'\)"):
        checked_image(encode(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"), "a.tif")


BROKEN = {
    "empty": b"",
    "text": b"<html>404 not found</html>",
    "no jpeg": CORRUPT,
    "cut short": jpeg(0, 200, 200)[:-500],
    "cut png": encoded(pixels(0), "png")[:-40],
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_refused_by_name(case):
    with pytest.raises(ValueError, match=r"photos/7\.jpg \(\d+ bytes\) is not a readable image"):
        checked_image(BROKEN[case], "photos/7.jpg")


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_skipped_by_choice(case):
    with pytest.warns(UserWarning, match=r"Skipped: photos/7\.jpg"):
        assert checked_image(BROKEN[case], "photos/7.jpg", "skip") is None


def test_unknown_policy():
    with pytest.raises(ValueError, match=r"`on_corrupt` must be one of.*'maybe'"):
        checked_image(CORRUPT, "a", "maybe")


def test_cut_bottom():
    image = np.concatenate([pixels(2, 48, 32), np.full((20, 32, 3), 255, "uint8")])
    found = np.asarray(Image.open(io.BytesIO(cut_bottom(encoded(image, "png"), 20))))
    assert found.shape == (48, 32, 3)
    assert np.abs(found.astype(int) - image[:48]).max() <= 8
