"""Pillow and NumPy make of image files what the served graph makes of them."""

import numpy as np
import pytest
from PIL import Image

from keras_haframe.data.images import decode
from keras_haframe.saving import decoding, host_images
from tests.saving.pictures import BAD, encode, jpeg_of_size, png_of_size, rgb

DEEP = Image.fromarray(rgb()[..., 0].astype(np.uint16) * 256 + 200)
GOOD = {
    "png": encode(rgb()),
    "jpeg": encode(rgb(), "JPEG"),
    "progressive": encode(rgb(), "JPEG", progressive=True, subsampling=2),
    "gray jpeg": encode(rgb()[..., 0], "JPEG"),
    "gray png": encode(rgb()[..., 0]),
    "alpha": encode(np.dstack([rgb(), np.zeros((20, 30), np.uint8)])),
    "gray and alpha": encode(Image.fromarray(np.dstack([rgb()[..., 0]] * 2), "LA")),
    "palette": encode(Image.fromarray(rgb()).quantize(16)),
    "one bit": encode(Image.fromarray(rgb()[..., 0] > 127)),
    "sixteen bits": encode(DEEP),
}


@pytest.mark.parametrize("name", GOOD)
def test_as_tensorflow_decodes(name):
    pytest.importorskip("tensorflow")
    found = host_images.decode(GOOD[name])
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, decode(GOOD[name]).numpy())


@pytest.mark.parametrize("name", ["gray png", "sixteen bits", "gray jpeg"])
def test_one_channel(name):
    found = host_images.decode(GOOD[name], 1)
    np.testing.assert_array_equal(found, host_images.decode(GOOD[name])[..., :1])


@pytest.mark.parametrize("name", BAD)
def test_refused_in_the_words_of_the_graph(name):
    kind = BAD[name].startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))
    with pytest.raises(ValueError) as error:
        host_images.decode(BAD[name])
    assert str(error.value) == (decoding.DAMAGED if kind else decoding.NOT_AN_IMAGE)


@pytest.mark.parametrize("size", [(5793, 5793), (65_000, 65_000)])
def test_large_ones_are_not_decoded(size):
    assert host_images.MAX_PIXELS == decoding.MAX_PIXELS
    words = decoding.TOO_LARGE.format(f"{decoding.MAX_PIXELS:,}")
    for data in (png_of_size(*size), jpeg_of_size(*size)):
        with pytest.raises(ValueError, match=words):
            host_images.decode(data)
