import numpy as np
import pytest

from keras_haframe.plots import plot_images


def test_images_as_floats_and_bytes_are_the_same():
    images = np.random.default_rng(0).integers(0, 256, (5, 6, 7, 3)).astype("uint8")
    images[0, 0, 0], images[0, 0, 1] = 0, 255
    forms = images, images / 255, images.astype("float32")
    sheets = [np.asarray(plot_images(x, columns=3).images[0].get_array()) for x in forms]
    for sheet in sheets:
        np.testing.assert_array_equal(sheet, sheets[0])
    signed = np.asarray(plot_images(images / 127.5 - 1, columns=3).images[0].get_array())
    assert np.abs(signed.astype(int) - sheets[0]).max() <= 1  # rounding
    np.testing.assert_array_equal(sheets[0][:6, :7], images[0])
    np.testing.assert_array_equal(sheets[0][8:14, 9:16], images[4])  # second row, second column
    assert (sheets[0][8:14, 18:25] == 255).all()  # no sixth image


def test_captions_have_room(ax):
    images = np.zeros((2, 20, 20, 3), np.uint8)
    plot_images(images, ["one", "two\nlines"], ax=ax)
    sheet = np.asarray(ax.images[0].get_array())
    assert sheet.shape[0] >= 20 + 2 * 3
    assert [t.get_text() for t in ax.texts] == ["one", "two\nlines"]
    assert all(t.get_position()[1] >= 20 for t in ax.texts)


@pytest.mark.parametrize("shape", [(2, 8, 8), (0, 8, 8, 3), (2, 8, 8, 1)])
def test_wrong_images(shape):
    with pytest.raises(ValueError, match=r"`images` must have shape \[n, H, W, 3\]"):
        plot_images(np.zeros(shape))


def test_wrong_captions():
    with pytest.raises(ValueError, match="Received 2 images but 1 captions"):
        plot_images(np.zeros((2, 8, 8, 3)), ["a"])


@pytest.mark.parametrize(
    "images", [np.random.default_rng(0).normal(size=(2, 8, 8, 3)), np.full((1, 2, 2, 3), np.nan)]
)
def test_values_that_are_no_colors(images):
    with pytest.raises(ValueError, match="must be uint8, or floats .* values from"):
        plot_images(images)
