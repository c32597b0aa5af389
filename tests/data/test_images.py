"""Checked image files."""

import io

import numpy as np
import pytest
from PIL import Image

from keras_haframe.data.images import checked_image, cut_bottom
from tests.data.archives import CORRUPT, encoded, jpeg, pixels

tf = pytest.importorskip("tensorflow")


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
