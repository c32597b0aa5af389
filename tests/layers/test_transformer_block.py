"""Attention and blocks against NumPy, their gradients, drop path, relative positions."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.layers import ClassToken, SelfAttention, TransformerBlock
from keras_haframe.layers.self_attention import relative_index
from tests.compiled import compiled
from tests.gradients import assert_close, dot, gradient, numeric_gradient
from tests.models import numpy_vit

RNG = np.random.default_rng(0)
TOKENS = RNG.normal(size=(3, 7, 8)).astype("float32")
NAMES = {
    "norm1/gamma": "norm1.weight", "norm1/beta": "norm1.bias", "norm2/gamma": "norm2.weight",
    "norm2/beta": "norm2.bias", "attention/qkv/kernel": "attn.qkv.weight",
    "attention/qkv/bias": "attn.qkv.bias", "attention/proj/kernel": "attn.proj.weight",
    "attention/proj/bias": "attn.proj.bias", "fc1/kernel": "mlp.fc1.weight",
    "fc1/bias": "mlp.fc1.bias", "fc2/kernel": "mlp.fc2.weight", "fc2/bias": "mlp.fc2.bias",
    "attention/relative_bias": "attn.relative_position_bias_table", "scale1": "gamma_1",
    "scale2": "gamma_2",
}  # fmt: skip


def randomized(layer, shape=(None, 7, 8)):
    """The layer with random weights, and these in timm's names."""
    layer.build(shape)
    state = {}
    for variable in layer.variables:
        if "seed" in variable.path:
            continue
        value = 0.5 * RNG.normal(size=variable.shape).astype("float32")
        variable.assign(value)
        name = NAMES[variable.path.removeprefix(f"{layer.name}/")]
        turned = value.T if variable.path.endswith("kernel") else value
        state[f"b.{name}"] = turned.astype("float64")
    return layer, state


@pytest.mark.parametrize(
    "options", [{}, {"layer_scale": 0.1}, {"relative_grid": (2, 3), "layer_scale": 1e-5}]
)
def test_against_numpy(options):
    layer, state = randomized(TransformerBlock(2, **options))
    expected = numpy_vit.block(TOKENS.astype("float64"), state, "b", 2, (2, 3))
    assert_close(layer(TOKENS), expected, 1e-4)


def test_compiled_is_the_same():
    layer, _ = randomized(TransformerBlock(2, relative_grid=(2, 3)))
    assert_close(compiled(layer)(TOKENS), ops.convert_to_numpy(layer(TOKENS)), 1e-5)


def test_gradient():
    layer, state = randomized(TransformerBlock(2))
    tokens, weights = TOKENS[:1, :3], RNG.normal(size=(1, 3, 8))

    def twin(x):
        return (numpy_vit.block(x, state, "b", 2) * weights).sum()

    found = gradient(lambda x: dot(layer(x), weights.astype("float32")), tokens)
    assert_close(found, numeric_gradient(twin, tokens), 1e-3)


@pytest.mark.parametrize("grid", [(1, 1), (2, 3), (4, 4)])
def test_relative_index_pair_by_pair(grid):
    rows = (2 * grid[0] - 1) * (2 * grid[1] - 1) + 3
    table = RNG.normal(size=(rows, 2))
    found = table[relative_index(grid)].transpose(2, 0, 1)
    np.testing.assert_array_equal(found, numpy_vit.relative_bias(table, grid))


def test_drop_path_skips_whole_branches():
    """Of one branch (the other is silenced) an example gets all, scaled up, or nothing."""
    layer, _ = randomized(TransformerBlock(2, drop_path=0.5))
    for variable in (*layer.fc2.variables,):
        variable.assign(np.zeros(variable.shape))
    x = np.repeat(TOKENS[:1], 200, axis=0)
    still = ops.convert_to_numpy(layer(x, training=False)) - x
    dropped = ops.convert_to_numpy(layer(x, training=True)) - x
    share = dropped.reshape(200, -1) @ still[0].ravel() / (still[0] ** 2).sum()
    assert set(share.round(3)) == {0.0, 2.0}
    assert 0.3 < (share > 1).mean() < 0.7
    whole, _ = randomized(TransformerBlock(2))
    np.testing.assert_array_equal(*(ops.convert_to_numpy(whole(x, training=t)) for t in (0, 1)))


def test_class_token_comes_first():
    layer = ClassToken()
    out = ops.convert_to_numpy(layer(TOKENS))
    np.testing.assert_array_equal(out[:, 1:], TOKENS)
    np.testing.assert_array_equal(out[:, 0], np.repeat(ops.convert_to_numpy(layer.token)[0], 3, 0))
    assert tuple(layer(TOKENS[:0]).shape) == (0, 8, 8)


def test_half_precision_stays_near():
    layer, _ = randomized(TransformerBlock(2))
    half = TransformerBlock(2, dtype="mixed_bfloat16")
    half.build((None, 7, 8))
    half.set_weights(layer.get_weights())
    out = half(TOKENS)
    assert keras.backend.standardize_dtype(out.dtype) == "bfloat16"
    assert_close(ops.cast(out, "float32"), ops.convert_to_numpy(layer(TOKENS)), 0.05)


@pytest.mark.parametrize(
    "layer",
    [
        TransformerBlock(2, 0.1, 0.5, (2, 3), name="b"),
        SelfAttention(2, (2, 3), name="a"),
        ClassToken(name="c"),
    ],
)
def test_config_round_trip(layer):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    count = 8 if isinstance(layer, ClassToken) else 7
    assert layer.compute_output_shape((None, 7, 8)) == (None, count, 8)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="multiple of `heads`. Received: width=8, heads=3"):
        SelfAttention(3)(TOKENS)
