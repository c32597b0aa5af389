"""Batch normalization with the fused kernel against Keras's layer and a NumPy twin."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.layers import BatchNormalization
from tests.gradients import BACKEND, assert_close, dot, gradients

TENSORFLOW = BACKEND == "tensorflow"
EPSILON = 1e-5


def layer(kind=BatchNormalization, channels=3, **options):
    """A built layer with scale, shift and moving averages that are not their defaults."""
    norm = kind(epsilon=EPSILON, momentum=0.9, **options)
    norm.build((None, 5, 4, channels))
    rng = np.random.default_rng(1)
    for variable in (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance):
        variable.assign(rng.uniform(0.5, 2, channels))
    return norm


def images(shape=(6, 5, 4, 3)):
    rng = np.random.default_rng(0)
    return (rng.standard_normal(shape) * [1, 10, 0.1] + [0, -3, 0.5]).astype("float32")


def arrays(values):
    return [ops.convert_to_numpy(ops.stop_gradient(v)).astype(np.float64) for v in values]


def step(norm, x):
    """Training output and the moving averages after it."""
    y = norm(x, training=True)
    return arrays([y, norm.moving_mean, norm.moving_variance])


def test_equals_a_twin_and_keras():
    norm, x = layer(), images()
    gamma, beta, moving_mean, moving_variance = arrays(
        [norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance]
    )
    expected = np.empty(x.shape)
    for c in range(3):
        values = x[..., c].astype(np.float64)
        mean = values.sum() / values.size
        variance = ((values - mean) ** 2).sum() / values.size
        expected[..., c] = gamma[c] * (values - mean) / np.sqrt(variance + EPSILON) + beta[c]
        moving_mean[c] = 0.9 * moving_mean[c] + 0.1 * mean
        moving_variance[c] = 0.9 * moving_variance[c] + 0.1 * variance
    theirs = step(layer(keras.layers.BatchNormalization), x)
    for mine, twin, keras_value in zip(
        step(norm, x), (expected, moving_mean, moving_variance), theirs
    ):
        assert_close(mine, twin, 1e-4)
        assert_close(mine, keras_value, 1e-4)


def test_gradients_are_keras_s():
    x = images()
    weights = np.random.default_rng(2).standard_normal(x.shape).astype("float32")

    def loss_of(norm):
        def loss(x, gamma, beta):
            values = [gamma, beta]
            state = [v.value for v in norm.non_trainable_variables]
            return dot(ops.square(norm.stateless_call(values, state, x, training=True)[0]), weights)

        return loss

    start = [x, np.array([0.5, 1, 2], "float32"), np.array([-1, 0, 1], "float32")]
    mine = gradients(loss_of(layer()), start)
    theirs = gradients(loss_of(layer(keras.layers.BatchNormalization)), start)
    for one, other in zip(mine, theirs):
        assert np.abs(other).max() > 0.01
        assert_close(one, other, 1e-3)


def test_xla():
    if not TENSORFLOW:
        pytest.skip("compiles TensorFlow's kernel")
    import tensorflow as tf

    norm, x = layer(), images()
    compiled = tf.function(lambda x: norm(x, training=True), jit_compile=True)
    assert_close(compiled(x), step(layer(), x)[0], 1e-4)


def kernels(norm, x, **arguments):
    """Names of the TensorFlow operations of one call."""
    import tensorflow as tf

    graph = tf.function(lambda x: norm(x, **arguments)).get_concrete_function(tf.constant(x)).graph
    return {operation.type for operation in graph.get_operations()}


@pytest.mark.skipif(not TENSORFLOW, reason="looks at TensorFlow's graph")
def test_fused_where_it_can_be_and_only_there():
    x = images()
    assert "FusedBatchNormV3" in kernels(layer(), x, training=True)
    frozen = layer()
    frozen.trainable = False
    one_axis = BatchNormalization(axis=1)
    no_shift = BatchNormalization(center=False)
    together = BatchNormalization(synchronized=True)
    doubles = BatchNormalization(dtype="float64")
    for norm, value, arguments in (
        (layer(), x, {"training": False}),
        (frozen, x, {"training": True}),
        (one_axis, x, {"training": True}),
        (no_shift, x, {"training": True}),
        (together, x, {"training": True}),
        (doubles, x.astype("float64"), {"training": True}),
        (layer(), x, {"training": True, "mask": np.ones((6, 5, 4), bool)}),
        (BatchNormalization(), x.reshape(-1, 3), {"training": True}),
    ):
        assert "FusedBatchNormV3" not in kernels(norm, value, **arguments)


@pytest.mark.parametrize("shape", [(4, 3), (4, 7, 3), (2, 3, 3, 3, 3)])
def test_other_ranks(shape):
    x = images((*shape[:-1], 3))
    theirs = keras.layers.BatchNormalization()
    mine = BatchNormalization()
    for one, other in zip(step(mine, x), step(theirs, x)):
        assert_close(one, other)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16", "mixed_float16"])
def test_half_precision(policy):
    keras.config.set_dtype_policy(policy)
    mine, theirs, x = layer(), layer(keras.layers.BatchNormalization), images()
    y = mine(x, training=True)
    assert keras.backend.standardize_dtype(y.dtype) == policy.removeprefix("mixed_")
    exact = arrays([ops.cast(theirs(x, training=True), "float32")])[0]
    assert_close(arrays([ops.cast(y, "float32")])[0], exact, 1e-2)
    mine, theirs = arrays([ops.cast(norm.moving_variance, "float32") for norm in (mine, theirs)])
    assert_close(mine, theirs, 1e-2 if policy == "bfloat16" else 1e-4)


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((2, 3, 3, 3)),
        np.full((2, 3, 3, 3), 1e4),
        np.ones((1, 1, 1, 3)),
        1e15 * np.random.default_rng(0).standard_normal((2, 3, 3, 3)),
    ],
    ids=["zero", "constant", "one value", "huge"],
)
def test_extremes(x):
    y, mean, variance = step(layer(), x.astype("float32"))
    assert np.isfinite(y).all() and np.isfinite(mean).all() and np.isfinite(variance).all()
    _, keras_mean, keras_variance = step(
        layer(keras.layers.BatchNormalization), x.astype("float32")
    )
    assert_close(mean, keras_mean, 1e-4)
    assert_close(variance, keras_variance, 1e-3)


def test_saved_with_a_model(tmp_path):
    inputs = keras.Input((5, 4, 3))
    model = keras.Model(inputs, layer()(inputs))
    model(images(), training=True)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again.layers[-1]) is BatchNormalization
    assert_close(again(images()), ops.convert_to_numpy(model(images())))


def test_takes_keras_s_weights(tmp_path):
    inputs = keras.Input((5, 4, 3))
    theirs = keras.Model(inputs, layer(keras.layers.BatchNormalization, name="norm")(inputs))
    theirs.save_weights(tmp_path / "a.weights.h5")
    mine = keras.Model(inputs, BatchNormalization(epsilon=EPSILON, name="norm")(inputs))
    mine.load_weights(tmp_path / "a.weights.h5")
    assert_close(mine(images()), ops.convert_to_numpy(theirs(images())))
    assert [v.path for v in mine.weights] == [v.path for v in theirs.weights]
