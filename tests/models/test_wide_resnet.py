"""WideResNet: blocks against the reference, parameters counted, and learning."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.data import cifar100
from keras_haframe.models.wide_resnet import wide_basic_block, wide_resnet
from tests.golden import golden_cases
from tests.gradients import RTOL, assert_close
from tests.networks import train
from tests.trees import flat

GOLDEN = "golden/wrn_blocks.npz"
# name in the file: input channels, options of the block
BLOCKS = {
    "same": (6, {}),
    "widen_preact": (4, {"shared": True}),
    "widen_stride2": (4, {"strides": 2}),
}
TOLERANCE = max(RTOL, 1e-5)  # the block computes in float32


def block_model(case):
    channels, options = BLOCKS[case]
    images = keras.Input((8, 8, channels))
    return keras.Model(images, wide_basic_block(images, 6, name="b", **options))


def golden_block(file, case):
    """A block with the weights of a golden case, its input, and its stride.

    A block that keeps its size and widens shares its first activation, as in the first group.
    """
    images, out = file[f"{case}__x_NCHW"], file[f"{case}__eval_out"]
    strides = images.shape[2] // out.shape[2]
    shared = strides == 1 and images.shape[1] != out.shape[1]
    x = images.transpose(0, 2, 3, 1).astype("float32")
    inputs = keras.Input(x.shape[1:])
    net = keras.Model(
        inputs,
        wide_basic_block(inputs, out.shape[1], name="b", strides=strides, shared=shared),
    )
    for layer in net.layers:
        key = f"{case}__state__{layer.name.removeprefix('b_')}"
        if isinstance(layer, keras.layers.Conv2D):
            layer.kernel.assign(file[f"{key}.weight"].transpose(2, 3, 1, 0))
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(file[f"{key}.weight"])
            layer.beta.assign(file[f"{key}.bias"])
            layer.moving_mean.assign(file[f"{key}.running_mean"])
            layer.moving_variance.assign(file[f"{key}.running_var"])
    return net, x, strides


def nchw(tensor):
    return ops.convert_to_numpy(tensor).transpose(0, 3, 1, 2)


@golden_cases(GOLDEN, "{case}__x_NCHW")
@pytest.mark.parametrize("training", [False, True])
def test_golden_blocks(golden, case, training):
    file = golden(GOLDEN)
    net, x, _ = golden_block(file, case)
    expected = file[f"{case}__{'train' if training else 'eval'}_out"]
    assert_close(nchw(net(x, training=training)), expected, rtol=TOLERANCE)


@golden_cases(GOLDEN, "{case}__x_NCHW")
def test_golden_moving_averages(golden, case):
    """Momentum 0.999; variances differ by Bessel's correction n / (n - 1)."""
    file = golden(GOLDEN)
    net, x, strides = golden_block(file, case)
    net(x, training=True)
    checked = 0
    for layer in net.layers:
        if not isinstance(layer, keras.layers.BatchNormalization):
            continue
        key = f"{layer.name.removeprefix('b_')}.running"
        n = np.prod(x.shape[:3]) / strides**2
        for kind, variable in (("mean", layer.moving_mean), ("var", layer.moving_variance)):
            old = 0.999 * file[f"{case}__state__{key}_{kind}"]
            step = file[f"{case}__after_one_step__{key}_{kind}"] - old
            found = ops.convert_to_numpy(variable).astype("float64") - old
            if kind == "var":
                found = found * n / (n - 1)
            np.testing.assert_allclose(found, step, rtol=2e-3, atol=1e-6)
            checked += 1
    assert checked == (4 if strides == 1 else 2)


def test_discarded_pre_activation_has_no_layer():
    """Q17: both paths of a strided widening block read the raw input."""
    names = [layer.name for layer in block_model("widen_stride2").layers]
    assert "b_bn1" not in names and "b_bn2" in names
    assert "b_bn1" in [layer.name for layer in block_model("widen_preact").layers]


def relu(x):
    return np.where(x > 0, x, 0.1 * x)


def numpy_conv(x, kernel, strides):
    """[B, h, w, c] convolution with `k // 2` zeros on every side."""
    k = kernel.shape[0]
    x = np.pad(x, ((0, 0), (k // 2, k // 2), (k // 2, k // 2), (0, 0)))
    rows = range(0, x.shape[1] - k + 1, strides)
    return np.stack(
        [
            np.stack(
                [np.einsum("bhwc,hwcf->bf", x[:, i : i + k, j : j + k], kernel) for j in rows], 1
            )
            for i in rows
        ],
        1,
    )


@pytest.mark.parametrize("case", BLOCKS)
def test_blocks_by_numpy(case):
    """The formula of the docstring, brute force."""
    net, rng = block_model(case), np.random.default_rng(0)
    for variable in net.weights:
        variable.assign(rng.uniform(0.5, 1.5, variable.shape) * 0.5)
    x = rng.normal(size=(2, 8, 8, BLOCKS[case][0])).astype("float32")

    def norm(y, i):
        layer = net.get_layer(f"b_bn{i}")
        g, b, m, v = (ops.convert_to_numpy(w) for w in layer.weights)
        return relu((y - m) / np.sqrt(v + 1e-5) * g + b)

    def conv(y, name, strides=1):
        return numpy_conv(y, ops.convert_to_numpy(net.get_layer(f"b_{name}").kernel), strides)

    strides = BLOCKS[case][1].get("strides", 1)
    if case == "same":
        expected = x + conv(norm(conv(norm(x, 1), "conv1"), 2), "conv2")
    else:
        y = norm(x, 1) if case == "widen_preact" else x
        expected = conv(y, "convShortcut", strides)
        expected = expected + conv(norm(conv(y, "conv1", strides), 2), "conv2")
    assert_close(net(x, training=False), expected, rtol=1e-4)


def trainable(model, layers=None):
    weights = model.trainable_variables if layers is None else layers
    return sum(int(np.prod(w.shape)) for w in weights)


DEAD_NORMS = ("block2.layer.0.bn1", "block3.layer.0.bn1")  # computed and thrown away (Q17)


@pytest.fixture(scope="module")
def wrn_28_8():
    return wide_resnet()


@pytest.mark.parametrize("network", ["I", "II"])
def test_golden_parameter_counts(golden, network, wrn_28_8):
    """Both WRN-28-8 trunks, array by array, without what the reference never uses.

    Dead in the reference: the trunk's own `fc`, whose place the separate classifier takes, and
    two batch normalizations.
    """
    file = golden(GOLDEN)
    prefix = "type1" if network == "I" else "type2"
    names = file[f"{prefix}__param_names"].tolist()
    sizes = dict(zip(names, file[f"{prefix}__param_sizes"].tolist()))
    alive = {n: s for n, s in sizes.items() if not n.startswith(("fc.", *DEAD_NORMS))}
    dead = sum(sizes.values()) - sum(alive.values())
    k = sizes["fc.bias"]
    width = 512 if network == "I" else k
    assert dead == 2 * 128 + 2 * 256 + width * k + k
    options = {"hidden_units": None} if network == "I" else {"input_momentum": 0.999}
    model = kh.build(wrn_28_8, flat(k), "cross_entropy", network=network, **options)
    head = model.get_layer("classifier")
    assert trainable(head) == width * k + k
    assert trainable(model) - trainable(head) == sum(alive.values())
    assert sorted(np.prod(w.shape) for w in model.trainable_variables) == sorted(
        [*alive.values(), width * k, k]
    )


def test_parameter_counts_by_hand():
    """16 + 3 groups of one block, width 1: depth 10."""
    net = wide_resnet(depth=10, width=1)
    convolutions = 9 * (3 * 16 + 16 * 16 * 2 + 16 * 32 + 32 * 32 + 32 * 64 + 64 * 64)
    shortcuts = 16 * 32 + 32 * 64  # the first group keeps its 16 channels
    norms = 2 * (16 * 2 + 32 + 64 + 64)  # two in the first block, one in the others, the last
    assert trainable(net) == convolutions + shortcuts + norms


def test_settings_are_those_of_the_paper():
    net = wide_resnet(width=1)
    assert net.name == "wide_resnet_28_1" and net.output_shape == (None, 8, 8, 64)
    norms = [v for v in net.layers if isinstance(v, keras.layers.BatchNormalization)]
    assert len(norms) == 1 + 2 * 12 - 2
    assert {(n.momentum, n.epsilon) for n in norms} == {(0.999, 1e-5)}
    assert {v.negative_slope for v in net.layers if isinstance(v, keras.layers.LeakyReLU)} == {0.1}
    convolutions = [v for v in net.layers if isinstance(v, keras.layers.Conv2D)]
    assert len(convolutions) == 1 + 2 * 12 + 2 and not any(c.use_bias for c in convolutions)
    assert {c.name for c in convolutions if c.strides == (2, 2)} == {
        "block2_layer_0_convShortcut", "block2_layer_0_conv1",
        "block3_layer_0_convShortcut", "block3_layer_0_conv1",
    }  # fmt: skip
    for c in convolutions[-4:]:
        k, _, _, out = c.kernel.shape
        assert ops.convert_to_numpy(c.kernel).std() == pytest.approx(
            np.sqrt(2 / (k * k * out)), rel=0.05
        )


@pytest.mark.slow
def test_type_two_starts_as_in_the_paper():
    """1x1 convolution: normal with deviation sqrt(2 / 100); first batch normalization 0.999."""
    tree = cifar100.class_tree()
    model = kh.build(
        wide_resnet(depth=10, width=2),
        tree,
        network="II",
        input_momentum=0.999,
        reduce_init="normal",
    )
    kernel = ops.convert_to_numpy(model.get_layer("reduce").kernel)
    assert kernel.shape == (1, 1, 128, 100)
    assert kernel.std() == pytest.approx(np.sqrt(0.02), rel=0.02)
    assert np.abs(kernel).max() > 3 * np.sqrt(0.02)  # not truncated, not uniform
    block = model.get_layer("transformation")
    assert block.norm.momentum == 0.999
    assert {s.momentum for b in block.blocks for s in b.steps if hasattr(s, "momentum")} == {0.9}
    again = kh.models.HierarchicalClassifier.from_config(model.get_config())
    assert again.get_config()["reduce_init"] == "normal"
    with pytest.raises(ValueError, match=r"`reduce_init` must be one of.*'he'"):
        kh.build(wide_resnet(depth=10, width=1), tree, network="II", reduce_init="he")


@pytest.mark.slow
def test_saves_and_loads(tmp_path):
    net = wide_resnet((16, 16, 3), depth=10, width=1)
    net.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    x = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
    np.testing.assert_array_equal(again.predict(x, verbose=0), net.predict(x, verbose=0))
    assert again.output_shape == (None, 4, 4, 64) and again.name == "wide_resnet_10_1"


def test_channels_first_computes_the_same():
    """In the other data format; on TensorFlow without a GPU only the shapes can be checked."""
    keras.config.set_image_data_format("channels_first")
    try:
        net = wide_resnet((3, 16, 16), depth=10, width=1)
        assert net.output_shape == (None, 64, 4, 4)
        assert net.get_layer("bn1").axis == 1
    finally:
        keras.config.set_image_data_format("channels_last")
    assert net.count_params() == wide_resnet((16, 16, 3), depth=10, width=1).count_params()


@pytest.mark.parametrize(("options", "message"), [
    ({"depth": 27}, "`depth` must be 6 n"), ({"depth": 4}, "`depth` must be 6 n"),
    ({"width": 0}, "`width` must be positive"),
])  # fmt: skip
def test_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        wide_resnet(**options)


@pytest.mark.slow
def test_learns(tree):
    """Four plain colors, from scratch, in a type II network."""
    rng = np.random.default_rng(0)
    y = np.arange(32) % 4
    colors = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, -1]])
    x = (colors[y][:, None, None] + rng.normal(0, 0.2, (32, 8, 8, 3))).astype("float32")
    # A momentum for few steps: 0.999 is for the papers' 70,000.
    model = kh.build(wide_resnet((8, 8, 3), depth=10, width=1, momentum=0.7), tree)
    model.optimizer.learning_rate = 0.05
    first, last = train(model, x, y, 12)
    assert last < 0.5 * first
    assert (model.predict_classes(x, verbose=0) == y).mean() > 0.9
