"""ResNet-32 against a NumPy twin and by the published count of parameters."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.models.resnet32 import ZeroPaddedShortcut, kaiming_normal, resnet32
from tests.gradients import assert_close
from tests.networks import train


def randomised(net):
    """Weights and statistics away from where they start."""
    rng = np.random.default_rng(0)
    for w in net.weights:
        value = rng.uniform(0.5, 1.5, w.shape)
        w.assign(value if w.ndim == 1 else (value - 1) / np.sqrt(np.prod(w.shape[:-1])))
    return net


# A twin in NumPy, one pixel at a time


def conv3(x, kernel, stride):
    n, h, w, _ = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows, columns = -(-h // stride), -(-w // stride)
    out = np.zeros((n, rows, columns, kernel.shape[-1]))
    for i in range(rows):
        for j in range(columns):
            window = padded[:, i * stride : i * stride + 3, j * stride : j * stride + 3]
            out[:, i, j] = np.einsum("nijc,ijco->no", window, kernel)
    return out


def twin(net, x):
    def array(layer, name):
        return np.asarray(ops.convert_to_numpy(getattr(net.get_layer(layer), name)), np.float64)

    def norm(y, layer):
        scale = array(layer, "gamma") / np.sqrt(array(layer, "moving_variance") + 1e-5)
        return (y - array(layer, "moving_mean")) * scale + array(layer, "beta")

    x = np.maximum(norm(conv3(x, array("conv1", "kernel"), 1), "bn1"), 0)
    stage = 1
    while f"stage{stage}_0_conv1" in [layer.name for layer in net.layers]:
        block = 0
        while f"stage{stage}_{block}_conv1" in [layer.name for layer in net.layers]:
            name, stride = f"stage{stage}_{block}", 2 if stage > 1 and block == 0 else 1
            y = conv3(x, array(f"{name}_conv1", "kernel"), stride)
            y = np.maximum(norm(y, f"{name}_bn1"), 0)
            y = norm(conv3(y, array(f"{name}_conv2", "kernel"), 1), f"{name}_bn2")
            if stride == 2:
                small, x = x[:, ::2, ::2], np.zeros_like(y)
                quarter = small.shape[-1] // 2  # channels double: a quarter of zeros on each side
                x[..., quarter:-quarter] = small
            x = np.maximum(y + x, 0)
            block += 1
        stage += 1
    return x


@pytest.mark.parametrize("side", [8, 9])
def test_same_outputs_as_the_twin(side):
    net = randomised(resnet32((side, side, 3), width=4, blocks=2))
    x = np.random.default_rng(1).normal(size=(2, side, side, 3))
    expected = twin(net, x)
    assert expected.shape == (2, -(-side // 4), -(-side // 4), 16) and expected.std() > 1e-3
    assert_close(net(x.astype("float32"), training=False), expected, rtol=1e-4)


def test_parameters_are_those_of_the_paper():
    """He et al., table 6: 0.46 million for ResNet-32 with option A and its linear layer."""
    net = resnet32()
    trainable = sum(int(np.prod(w.shape)) for w in net.trainable_variables)
    convolutions = 9 * (3 * 16 + 10 * 16**2 + (16 * 32 + 9 * 32**2) + (32 * 64 + 9 * 64**2))
    norms = 2 * (16 + 10 * (16 + 32 + 64))
    assert trainable == convolutions + norms
    assert round((trainable + 64 * 10 + 10) / 1e6, 2) == 0.46
    kernels = [v for v in net.layers if isinstance(v, keras.layers.Conv2D)]
    assert len(kernels) + 1 == 32  # and the head's linear layer


def test_layout():
    net = resnet32(width=32)
    assert net.output_shape == (None, 8, 8, 128) and net.name == "resnet32_32"
    strided = {v.name for v in net.layers if getattr(v, "strides", None) in ((2, 2), 2)}
    assert strided == {f"stage{i}_0_{v}" for i in (2, 3) for v in ("conv1", "shortcut")}
    shortcuts = [v for v in net.layers if isinstance(v, ZeroPaddedShortcut)]
    assert len(shortcuts) == 2 and not any(v.weights for v in shortcuts)
    norms = [v for v in net.layers if isinstance(v, keras.layers.BatchNormalization)]
    assert len(norms) == 31 and {(n.momentum, n.epsilon) for n in norms} == {(0.9, 1e-5)}
    assert not any(v.use_bias for v in net.layers if isinstance(v, keras.layers.Conv2D))


def test_kernels_start_kaiming_normal():
    kernel = ops.convert_to_numpy(kaiming_normal()((3, 3, 64, 128)))
    std = np.sqrt(2 / (9 * 64))
    assert kernel.std() == pytest.approx(std, rel=0.01)
    assert np.abs(kernel).max() > 3 * std  # the tails are there


# The shortcut


def test_shortcut_keeps_every_second_pixel_between_zero_channels():
    x = np.arange(2 * 5 * 4 * 3, dtype="float32").reshape(2, 5, 4, 3)
    out = ops.convert_to_numpy(ZeroPaddedShortcut(6)(x))
    assert out.shape == (2, 3, 2, 6)
    np.testing.assert_array_equal(out[..., 1:4], x[:, ::2, ::2])
    assert not out[..., :1].any() and not out[..., 4:].any()  # an odd number: one more behind


def test_shortcut_shapes_and_configuration():
    layer = ZeroPaddedShortcut(8, strides=3, name="s")
    assert layer.compute_output_shape((None, 7, None, 4)) == (None, 3, None, 8)
    again = ZeroPaddedShortcut.from_config(layer.get_config())
    assert (again.filters, again.strides, again.name) == (8, 3, "s")
    same = np.ones((1, 2, 2, 4), "float32")
    np.testing.assert_array_equal(ops.convert_to_numpy(ZeroPaddedShortcut(4, 1)(same)), same)
    with pytest.raises(ValueError, match=r"`filters` must be at least.*4.*filters=2"):
        ZeroPaddedShortcut(2)(same)


def test_shortcut_passes_gradients_of_kept_pixels_only():
    """By the linearity of the layer: what a unit in one pixel changes."""
    layer = ZeroPaddedShortcut(4)
    base = np.zeros((1, 4, 4, 2), "float32")
    for row in range(4):
        for column in range(4):
            one = base.copy()
            one[0, row, column, 0] = 1
            change = ops.convert_to_numpy(layer(one))
            assert change.sum() == (row % 2 == 0 and column % 2 == 0)


@pytest.mark.parametrize(("options", "message"), [
    ({"width": 0}, "`width` must be positive"), ({"blocks": 0}, "`blocks` must be positive"),
])  # fmt: skip
def test_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        resnet32(**options)


def test_channels_first_has_the_same_shapes():
    keras.config.set_image_data_format("channels_first")
    try:
        net = resnet32((3, 16, 16), width=4, blocks=1)
        assert net.output_shape == (None, 16, 4, 4)
        assert net.get_layer("stage2_0_shortcut").axis == 1
        out = net.get_layer("stage2_0_shortcut")(np.ones((1, 4, 6, 6), "float32"))
        assert tuple(out.shape) == (1, 8, 3, 3)
        assert ops.convert_to_numpy(out)[0, :, 0, 0].tolist() == [0, 0, 1, 1, 1, 1, 0, 0]
    finally:
        keras.config.set_image_data_format("channels_last")


@pytest.mark.slow
def test_saves_and_loads(tmp_path):
    net = randomised(resnet32((8, 8, 3), width=4, blocks=1))
    net.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_array_equal(again.predict(x, verbose=0), net.predict(x, verbose=0))


@pytest.mark.parametrize("method", ["etf_dr", "cross_entropy"])
@pytest.mark.slow
def test_learns_with_the_heads_of_the_paper(tree, method):
    """Four plain colors; features are the pooled channels themselves."""
    rng = np.random.default_rng(0)
    y = np.arange(32) % 4
    colors = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, -1]])
    x = (colors[y][:, None, None] + rng.normal(0, 0.2, (32, 8, 8, 3))).astype("float32")
    backbone = kh.models.resnet32((8, 8, 3), width=4, blocks=1, momentum=0.7)
    model = kh.build(backbone, tree, method, network="I", hidden_units=None)
    model.optimizer.learning_rate = 0.05
    first, last = train(model, x, y, 12)
    assert model.features(x).shape == (32, 16)
    assert last < 0.5 * first
    assert (model.predict_classes(x, verbose=0) == y).mean() > 0.9
