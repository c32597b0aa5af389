"""The transformation block against a NumPy twin, its weights, hostile inputs, its contract."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.layers import ResidualBlock, TransformationBlock
from tests.gradients import BACKEND, DTYPE, assert_close, dot, gradient, numeric_gradient


def trained(block, x):
    """Output in training mode, without touching the moving averages of `block`."""
    return block.stateless_call(
        [v.value for v in block.trainable_variables],
        [v.value for v in block.non_trainable_variables],
        x,
        training=True,
    )[0]


# A twin in NumPy -----------------------------------------------------------------------------


def twin(block, x, training):
    """The block in float64 NumPy, sample by sample and channel by channel."""

    def value(variable):
        return ops.convert_to_numpy(variable).astype(np.float64)

    def linear(x, layer):
        w = value(layer.kernel)
        return np.array(
            [[sum(r[i] * w[i, o] for i in range(len(r))) for o in range(w.shape[1])] for r in x]
        )

    def norm(x, layer):
        out = np.empty_like(x)
        for c in range(x.shape[1]):
            mean = x[:, c].mean() if training else value(layer.moving_mean)[c]
            variance = (
                ((x[:, c] - mean) ** 2).mean() if training else value(layer.moving_variance)[c]
            )
            scaled = (x[:, c] - mean) / np.sqrt(variance + 1e-5)
            out[:, c] = scaled * value(layer.gamma)[c] + value(layer.beta)[c]
        return out

    def prelu(x, layer):
        slope = value(layer.alpha)
        return np.array([[v if v > 0 else slope[c] * v for c, v in enumerate(r)] for r in x])

    def residual(x, b):
        linear1, norm1, act1, linear2, norm2, act2 = b.steps
        y = prelu(norm(linear(x, linear1), norm1), act1)
        y = prelu(norm(linear(y, linear2), norm2), act2)
        return y + (x if b.shortcut is None else linear(x, b.shortcut))

    x = np.asarray(x, np.float64)
    if isinstance(block, ResidualBlock):
        return residual(x, block)
    x = norm(x, block.norm)
    for b in block.blocks:
        x = residual(x, b)
    return x


def randomise(layer, rng):
    """Weights far from their initial values, so that no scale or shift hides."""
    for v in layer.variables:
        low = 0.5 if "variance" in v.path or "gamma" in v.path else -0.5
        v.assign(rng.uniform(low, 1.0, v.shape))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("units", [1, 3, 6])
def test_twin(units, training):
    rng = np.random.default_rng(units)
    block = TransformationBlock(units, dtype=DTYPE)
    block.build((None, units))
    randomise(block, rng)
    x = rng.normal(size=(5, units))
    assert_close(block(x.astype(DTYPE), training=training), twin(block, x, training))


@pytest.mark.parametrize("training", [False, True])
def test_twin_rectangular(training):
    rng = np.random.default_rng(1)
    block = ResidualBlock(4, hidden_units=2, dtype=DTYPE)
    block.build((None, 3))
    randomise(block, rng)
    x = rng.normal(size=(6, 3))
    assert_close(block(x.astype(DTYPE), training=training), twin(block, x, training))


@pytest.mark.parametrize("training", [False, True])
def test_gradient_by_finite_differences(training):
    rng = np.random.default_rng(2)
    block = TransformationBlock(3, dtype=DTYPE)
    block.build((None, 3))
    randomise(block, rng)
    x, cotangent = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))

    def fn(x):
        out = trained(block, x) if training else block(x, training=False)
        return dot(out, cotangent.astype(DTYPE))

    expected = numeric_gradient(lambda x: (twin(block, x, training) * cotangent).sum(), x)
    assert_close(gradient(fn, x.astype(DTYPE)), expected, 1e-5 if DTYPE == "float64" else 1e-3)


# Weights -------------------------------------------------------------------------------------


def test_initial_weights():
    """Linear layers uniform in +-1/sqrt(fan in), PReLU slopes 0.25, batch normalization neutral."""
    block = TransformationBlock(64)
    block.build((None, 64))
    for residual in block.blocks:
        for layer in (residual.steps[0], residual.steps[3]):
            kernel = ops.convert_to_numpy(layer.kernel)
            assert layer.bias is None
            assert np.abs(kernel).max() <= 1 / 8
            assert np.abs(kernel).max() > 0.99 / 8
            np.testing.assert_allclose(kernel.std(), 1 / 8 / np.sqrt(3), rtol=0.05)
        for act in (residual.steps[2], residual.steps[5]):
            assert tuple(act.alpha.shape) == (64,)
            np.testing.assert_array_equal(ops.convert_to_numpy(act.alpha), 0.25)
    kernels = [ops.convert_to_numpy(b.steps[i].kernel) for b in block.blocks for i in (0, 3)]
    assert all(np.abs(a - b).max() > 0.01 for i, a in enumerate(kernels) for b in kernels[:i])


def test_number_of_weights():
    k = 7
    block = TransformationBlock(k)
    block.build((None, k))
    trainable = sum(int(np.prod(v.shape)) for v in block.trainable_variables)
    assert trainable == 4 * k * k + 5 * 2 * k + 4 * k  # linear; BN scale and shift; PReLU
    assert len(block.non_trainable_variables) == 10


def test_starts_near_identity_of_normalized_input():
    """With the last scale of each residual branch at zero the block only normalizes."""
    rng = np.random.default_rng(3)
    x = rng.normal(3.0, 2.0, (50, 4)).astype("float32")
    block = TransformationBlock(4)
    block.build((None, 4))
    for residual in block.blocks:
        residual.steps[4].gamma.assign(np.zeros(4))
    out = ops.convert_to_numpy(block(x, training=True))
    np.testing.assert_allclose(out, (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5), atol=1e-4)


def test_momentum():
    """The first normalization has its own momentum (0.999 in the paper's WideResNet)."""
    block = TransformationBlock(2, input_momentum=0.999, momentum=0.5)
    x = np.array([[1.0, 0.0], [3.0, 0.0]], "float32")
    block(x, training=True)
    np.testing.assert_allclose(ops.convert_to_numpy(block.norm.moving_mean), [0.002, 0], rtol=1e-4)
    np.testing.assert_allclose(
        ops.convert_to_numpy(block.norm.moving_variance), [1.0, 0.999], rtol=1e-6
    )
    for residual in block.blocks:
        assert [residual.steps[i].momentum for i in (1, 4)] == [0.5, 0.5]
        assert [residual.steps[i].epsilon for i in (1, 4)] == [1e-5, 1e-5]


def test_defaults():
    block = TransformationBlock(2)
    assert block.norm.momentum == 0.9
    assert block.norm.epsilon == 1e-5
    assert not block.norm.synchronized


@pytest.mark.skipif(
    BACKEND != "tensorflow", reason="Keras synchronizes statistics on TensorFlow only"
)
def test_synchronized():
    block = TransformationBlock(2, synchronized=True)
    block.build((None, 2))
    norms = [block.norm, *(b.steps[i] for b in block.blocks for i in (1, 4))]
    assert all(n.synchronized for n in norms)
    x = np.array([[1.0, 2.0], [3.0, 5.0]], "float32")
    assert np.isfinite(ops.convert_to_numpy(block(x, training=True))).all()


def test_frozen_block_has_no_trainable_weights():
    block = TransformationBlock(2)
    block.build((None, 2))
    block.trainable = False
    assert block.trainable_variables == []


# Extreme inputs ------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("scale", [0.0, 1e-4, 1.0, 1e4])
def test_finite(policy, training, scale):
    keras.config.set_dtype_policy(policy)
    block = TransformationBlock(4)
    x = scale * np.random.default_rng(4).normal(size=(8, 4)).astype("float32")
    out = block(x, training=training)
    assert np.isfinite(ops.convert_to_numpy(ops.cast(out, "float32"))).all()


def test_batch_of_one_in_training():
    """Batch normalization makes a batch of one exactly zero; nothing may blow up."""
    block = TransformationBlock(3, dtype=DTYPE)
    x = np.array([[1.0, -2.0, 1e4]], DTYPE)
    np.testing.assert_array_equal(ops.convert_to_numpy(block(x, training=True)), np.zeros((1, 3)))
    found = gradient(lambda x: ops.sum(trained(block, x)), x)
    assert np.isfinite(found).all()


def test_constant_feature_in_training():
    block = TransformationBlock(2)
    x = np.array([[5.0, 1.0], [5.0, 2.0], [5.0, 3.0]], "float32")
    out = ops.convert_to_numpy(block(x, training=True))
    assert np.isfinite(out).all()


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_float32_weights(policy):
    keras.config.set_dtype_policy(policy)
    block = TransformationBlock(4)
    rng = np.random.default_rng(5)
    x = rng.normal(size=(64, 4)).astype("float32")
    out = block(x, training=False)
    assert keras.backend.standardize_dtype(out.dtype) == policy.removeprefix("mixed_")
    assert {v.dtype for v in block.variables} == {"float32"}
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(out, "float32")), twin(block, x, False), atol=0.1
    )


def test_own_dtype_reaches_every_part():
    """A dtype given to the block holds for the layers inside, whatever the global policy."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    block = TransformationBlock(4, dtype="float32")
    out = block(np.ones((2, 4), "float32"))
    assert keras.backend.standardize_dtype(out.dtype) == "float32"
    inner = [block.norm, *block.blocks, *(s for b in block.blocks for s in b.steps)]
    assert {layer.compute_dtype for layer in inner} == {"float32"}
    rectangular = ResidualBlock(3, dtype="float32")
    rectangular.build((None, 2))
    assert rectangular.shortcut.compute_dtype == "float32"


# Contract ------------------------------------------------------------------------------------


def test_shapes():
    inputs = keras.Input((6,))
    assert TransformationBlock(6)(inputs).shape == (None, 6)
    assert ResidualBlock(3)(inputs).shape == (None, 3)
    assert TransformationBlock(6).compute_output_shape((None, 6)) == (None, 6)
    assert ResidualBlock(3, hidden_units=4).compute_output_shape((5, 6)) == (5, 3)


def test_shortcut_only_where_widths_differ():
    same, other = ResidualBlock(3, hidden_units=8), ResidualBlock(3)
    same.build((None, 3))
    other.build((None, 4))
    assert same.shortcut is None
    assert other.shortcut.bias is None
    assert tuple(other.shortcut.kernel.shape) == (4, 3)


@pytest.mark.parametrize("units", [0, -3])
def test_units_must_be_positive(units):
    with pytest.raises(ValueError, match=rf"`units` must be a positive integer.*units={units}"):
        TransformationBlock(units)


def test_width_must_fit():
    with pytest.raises(ValueError, match=r"needs inputs of width 4.*\(2, 5\)"):
        TransformationBlock(4)(np.ones((2, 5), "float32"))


@pytest.mark.parametrize(
    "layer",
    [
        TransformationBlock(3, input_momentum=0.999, momentum=0.8, name="transform"),
        TransformationBlock(3, dtype="float64"),
        ResidualBlock(3, hidden_units=5, momentum=0.7),
    ],
)
def test_config_round_trip(layer):
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()
    assert again.name == layer.name
    assert again.compute_dtype == layer.compute_dtype


def test_saved_model_loads_in_safe_mode(tmp_path):
    inputs = keras.Input((4,))
    hidden = ResidualBlock(3)(TransformationBlock(4, momentum=0.8)(inputs))
    model = keras.Model(inputs, hidden)
    rng = np.random.default_rng(6)
    randomise(model, rng)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    x = rng.normal(size=(5, 4)).astype("float32")
    np.testing.assert_array_equal(
        ops.convert_to_numpy(again(x, training=False)),
        ops.convert_to_numpy(model(x, training=False)),
    )
    assert again.layers[1].blocks[0].momentum == 0.8


def test_learns():
    """A few steps of SGD through the block reduce a loss: gradients reach every weight."""
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(32, 4)).astype("float32"), rng.normal(size=(32, 4)).astype("float32")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, TransformationBlock(4)(inputs))
    before = [ops.convert_to_numpy(v) for v in model.trainable_variables]
    model.compile(keras.optimizers.SGD(0.05), "mse", jit_compile=False)
    history = model.fit(x, y, epochs=10, batch_size=32, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert all(
        np.abs(ops.convert_to_numpy(v) - b).max() > 0
        for v, b in zip(model.trainable_variables, before)
    )
