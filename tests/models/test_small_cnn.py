import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.models import small_cnn
from tests.networks import train


@pytest.mark.parametrize(
    "size, widths, side",
    [(64, (16, 32, 64, 128, 192), 4), (32, (8, 16), 16), (48, (4, 8, 12), 12), (20, (6,), 10)],
)
def test_output_shape_and_halvings(size, widths, side):
    """The first layer and every one but the last halve the image."""
    net = small_cnn((size, size, 3), widths)
    assert net.output_shape == (None, side, side, widths[-1])
    out = net(np.zeros((2, size, size, 3), "float32"))
    assert tuple(out.shape) == (2, side, side, widths[-1])
    convolutions = [layer for layer in net.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.filters for layer in convolutions] == list(widths)


def test_one_layer_computes_what_it_says():
    """relu(norm(conv(x / 127.5 - 1))), written out for one pixel of the output."""
    net = small_cnn((6, 6, 3), (4,))
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (1, 6, 6, 3)).astype("float32")
    out = ops.convert_to_numpy(net(x, training=False))
    scaled = x[0] / 127.5 - 1
    kernel = ops.convert_to_numpy(net.get_layer("conv1").kernel)
    pixel = np.einsum("hwc,hwcf->f", scaled[2:5, 2:5], kernel)  # stride 2, padding only at the end
    pixel = np.maximum(pixel / np.sqrt(1 + net.get_layer("norm1").epsilon), 0)
    np.testing.assert_allclose(out[0, 1, 1], pixel, rtol=1e-4, atol=1e-5)
    assert net.get_layer("norm1").momentum == 0.9 and not net.get_layer("conv1").use_bias


def test_takes_images_of_either_dtype():
    net = small_cnn((8, 8, 3), (4, 6))
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), "uint8")
    found = net.predict(images, verbose=0)
    np.testing.assert_allclose(
        found, net.predict(images.astype("float32"), verbose=0), rtol=1e-5, atol=1e-6
    )
    assert np.isfinite(found).all() and (found >= 0).all() and found.max() > 0


def test_parameters_by_hand():
    net = small_cnn((16, 16, 3), (4, 6))
    assert net.count_params() == 9 * 3 * 4 + 9 * 4 * 6 + 4 * (4 + 6)
    assert len(net.trainable_variables) == 6 and len(net.non_trainable_variables) == 4


def test_images_too_small_to_be_halved():
    assert small_cnn((16, 20, 3)).output_shape == (None, 1, 1, 192)
    with pytest.raises(ValueError, match=r"need images of at least 16 x 16.*\(64, 15, 3\)"):
        small_cnn((64, 15, 3))


def test_saves_and_loads(tmp_path):
    net = small_cnn((8, 8, 3), (4, 6), name="mine")
    assert net.name == "mine" and small_cnn().name == "small_cnn"
    net.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    x = np.random.default_rng(0).normal(127, 60, (2, 8, 8, 3)).astype("float32")
    np.testing.assert_array_equal(again.predict(x, verbose=0), net.predict(x, verbose=0))


@pytest.mark.slow
def test_learns_in_a_classifier(tree):
    """Four plain colors, from scratch."""
    rng = np.random.default_rng(0)
    y = np.arange(32) % 4
    colors = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200], [200, 200, 40]])
    x = (colors[y][:, None, None] + rng.normal(0, 20, (32, 12, 12, 3))).astype("float32")
    model = kh.build(small_cnn((12, 12, 3), (8, 12)), tree)
    model.optimizer.learning_rate = 0.1
    first, last = train(model, x, y, 40)
    assert last < 0.5 * first
    assert (model.predict_classes(x, verbose=0) == y).mean() > 0.9
