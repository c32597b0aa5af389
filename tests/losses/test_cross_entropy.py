"""Cross-entropy of integer labels."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.losses import CrossEntropy
from tests.golden import golden_cases
from tests.gradients import DTYPE, RTOL, assert_close, gradient, numeric_gradient


def twin(labels, logits):
    """`logsumexp(z) - z_y` per example, with plain loops."""
    losses = []
    for y, z in zip(labels, logits):
        top = max(z)
        losses.append(top + math.log(sum(math.exp(v - top) for v in z)) - z[y])
    return np.array(losses)


@pytest.fixture
def example():
    rng = np.random.default_rng(0)
    return rng.integers(0, 5, 6), rng.normal(scale=3.0, size=(6, 5))


def test_by_hand():
    """softmax of (log 3, 0) is (3/4, 1/4)."""
    loss = CrossEntropy(reduction="none", dtype=DTYPE)
    logits = np.array([[math.log(3), 0.0], [math.log(3), 0.0]], DTYPE)
    assert_close(loss(np.array([0, 1]), logits), [-math.log(0.75), -math.log(0.25)])


@pytest.mark.parametrize("reduction,reduce", [("none", np.asarray), ("sum", np.sum),
                                              ("sum_over_batch_size", np.mean)])  # fmt: skip
def test_twin(example, reduction, reduce):
    labels, logits = example
    found = CrossEntropy(reduction=reduction, dtype=DTYPE)(labels, logits)
    assert_close(found, reduce(twin(labels, logits)))


def test_takes_outputs_by_name(example):
    labels, logits = example
    loss = CrossEntropy(dtype=DTYPE)
    assert float(loss(labels, {"logits": logits, "cosines": -logits})) == float(
        loss(labels, logits)
    )


@golden_cases("golden/haframe_loss.npz", "{name}__ce_mean")
def test_golden(golden, name):
    file = golden("golden/haframe_loss.npz")
    found = CrossEntropy(dtype=DTYPE)(file[f"{name}__labels"], file[f"{name}__logits"])
    assert_close(found, file[f"{name}__ce_mean"])


@golden_cases(
    "golden/haframe_loss.npz",
    "{name}__alpha{alpha}__batchmean__grad_features",
    keep=lambda name, alpha: float(alpha) == 0,
)
def test_golden_gradient(golden, name, alpha):
    """At alpha = 0 the reference's total is the cross-entropy alone."""
    file = golden("golden/haframe_loss.npz")
    labels, logits = file[f"{name}__labels"], file[f"{name}__logits"].astype(DTYPE)
    found = gradient(lambda z: CrossEntropy(dtype=DTYPE)(labels, z), logits)
    expected = file[f"{name}__alpha{alpha}__batchmean__grad_features"]
    assert_close(found @ file[f"{name}__W_rows"], expected)


@golden_cases("golden/run_summary_metrics.npz", "{name}__logits")
def test_golden_summary(golden, name):
    """The reference's evaluation loop: mean over all examples."""
    file = golden("golden/run_summary_metrics.npz")
    summary = dict(zip(file["summary_names"].tolist(), file["summary_values"]))
    found = CrossEntropy()(file[f"{name}__labels"], file[f"{name}__logits"])
    np.testing.assert_allclose(float(found), summary["loss/cross-entropy"], rtol=1e-5)


def test_gradient_by_finite_differences(example):
    labels, logits = example
    expected = numeric_gradient(lambda z: twin(labels, z).mean(), logits)
    found = gradient(lambda z: CrossEntropy(dtype=DTYPE)(labels, z), logits.astype(DTYPE))
    assert_close(found, expected, max(RTOL, 1e-6))


def test_gradient_is_probability_less_target(example):
    labels, logits = example
    loss = CrossEntropy(reduction="sum", dtype=DTYPE)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = p - np.eye(5)[labels]
    assert_close(gradient(lambda z: loss(labels, z), logits.astype(DTYPE)), expected)


def test_compiled_gradient(example):
    labels, logits = example
    loss = CrossEntropy(dtype=DTYPE)
    logits = logits.astype(DTYPE)
    assert_close(
        gradient(lambda z: loss(labels, z), logits, compiled=True),
        gradient(lambda z: loss(labels, z), logits),
    )


def test_huge_logits():
    """No overflow at 1e4: the loss is the distance to the largest logit."""
    logits = np.array([[1e4, -1e4, 0.0], [1e4, -1e4, 0.0]], "float32")
    loss = CrossEntropy(reduction="none")
    np.testing.assert_allclose(ops.convert_to_numpy(loss(np.array([0, 1]), logits)), [0.0, 2e4])
    found = gradient(lambda z: ops.sum(loss(np.array([0, 1]), z)), logits)
    np.testing.assert_allclose(found, [[0, 0, 0], [1, -1, 0]])


def test_equal_logits():
    """Log K whatever the label, also for zero logits."""
    for value in (0.0, 50.0):
        found = CrossEntropy(reduction="none")(np.arange(4), np.full((4, 4), value, "float32"))
        np.testing.assert_allclose(ops.convert_to_numpy(found), math.log(4), rtol=1e-5)


def test_batch_of_one():
    assert_close(
        CrossEntropy(dtype=DTYPE)(np.array([2]), np.array([[1.0, 2, 4]])), twin([2], [[1, 2, 4]])[0]
    )


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_many_classes_in_half_precision(dtype):
    """Labels beyond 256 keep their class, and the sum over classes its digits."""
    keras.config.set_dtype_policy(f"mixed_{dtype}")
    labels = np.array([257, 399, 301])
    logits = np.zeros((3, 400), "float32")
    logits[np.arange(3), labels] = 8.0
    found = CrossEntropy(reduction="none")(labels, ops.cast(logits, dtype))
    np.testing.assert_allclose(ops.convert_to_numpy(found), twin(labels, logits), rtol=1e-5)


def test_sample_weight(example):
    labels, logits = example
    weight = np.array([1.0, 0.0, 2.0, 0.5, 0.0, 1.0])
    found = CrossEntropy(dtype=DTYPE)(labels, logits, sample_weight=weight)
    assert_close(found, (twin(labels, logits) * weight).mean())


def test_one_hot_labels_are_refused(example):
    labels, logits = example
    with pytest.raises(ValueError, match=r"one-hot: use `numpy.argmax"):
        CrossEntropy()(np.eye(5)[labels], logits)
    with pytest.raises(ValueError, match=r"\(6, 1\). Drop the last axis"):
        CrossEntropy()(labels[:, None], logits)


def test_config_round_trip():
    loss = CrossEntropy(name="ce", reduction="sum", dtype="float64")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, CrossEntropy)
    assert again.get_config() == loss.get_config()


def test_saved_model_loads_in_safe_mode(tmp_path, example):
    labels, logits = example
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(5)])
    model.compile("sgd", CrossEntropy(), jit_compile=False)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    assert isinstance(again.loss, CrossEntropy)
    np.testing.assert_allclose(
        again.evaluate(logits, labels, verbose=0),
        model.evaluate(logits, labels, verbose=0),
        rtol=1e-6,
    )


@pytest.mark.parametrize("smoothing", [0.1, 0.7])
def test_label_smoothing_is_cross_entropy_with_soft_targets(example, smoothing):
    labels, logits = example
    every = np.stack([twin(np.full(6, k), logits) for k in range(5)], axis=1)
    target = np.eye(5)[labels] * (1 - smoothing) + smoothing / 5
    loss = CrossEntropy(smoothing, reduction="none", dtype=DTYPE)
    assert_close(loss(labels, logits), (every * target).sum(1))
    assert_close(
        gradient(lambda z: CrossEntropy(smoothing, dtype=DTYPE)(labels, z), logits),
        (np.exp(logits) / np.exp(logits).sum(1, keepdims=True) - target) / 6,
        1e-5,
    )
    assert CrossEntropy.from_config(loss.get_config()).label_smoothing == smoothing


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, float("nan")])
def test_smoothing_out_of_range(smoothing):
    with pytest.raises(ValueError, match="`label_smoothing` must be from 0 to below 1"):
        CrossEntropy(smoothing)
