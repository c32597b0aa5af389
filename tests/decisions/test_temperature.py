import math

import numpy as np
import pytest
from keras import ops

from keras_haframe.decisions import apply_temperature, fit_temperature
from tests.compiled import compiled


def nll(logits, labels, temperature):
    """Mean negative log-likelihood, one example and one class at a time."""
    total = 0.0
    for row, label in zip(logits, labels):
        z = [float(v) / temperature for v in row]
        top = max(z)
        total -= z[label] - top - math.log(sum(math.exp(v - top) for v in z))
    return total / len(labels)


def golden_section(logits, labels, low=-7.0, high=7.0):
    """Brute-force minimum over log T: unimodal, so shrink the interval by the golden ratio."""
    ratio = (math.sqrt(5) - 1) / 2
    while high - low > 1e-9:
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        if nll(logits, labels, math.exp(a)) < nll(logits, labels, math.exp(b)):
            high = b
        else:
            low = a
    return math.exp((low + high) / 2)


def sample(n=60, classes=4, factor=3.0, seed=0):
    """Labels drawn from softmax(z), logits `factor * z`: the temperature to find is near factor."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, classes)) * 1.5
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return factor * z, np.array([rng.choice(classes, p=row) for row in p])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("factor", [0.2, 1.0, 6.0])
def test_finds_the_minimum(seed, factor):
    logits, y = sample(factor=factor, seed=seed)
    found = fit_temperature(y, logits)
    # At a smooth minimum the search by values alone is good to the root of machine precision.
    np.testing.assert_allclose(found, golden_section(logits, y), rtol=1e-5)
    assert nll(logits, y, found) <= min(nll(logits, y, found * f) for f in (0.9, 0.99, 1.01, 1.1))


def test_the_slope_vanishes_at_the_result():
    logits, y = sample(n=300)
    t = fit_temperature(y, logits)
    step = 1e-4 * t
    slope = (nll(logits, y, t + step) - nll(logits, y, t - step)) / (2 * step)
    assert abs(slope) < 1e-8


def test_recovers_the_factor_of_overconfident_logits():
    logits, y = sample(n=20000, factor=3.0)
    assert abs(fit_temperature(y, logits) - 3.0) < 0.15


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1e4, 1e12])
def test_scales_with_the_logits_and_ignores_shifts(scale):
    logits, y = sample()
    base = fit_temperature(y, logits)
    with_shift = scale * (logits + np.arange(len(logits))[:, None] % 7)
    found = fit_temperature(y, with_shift)
    np.testing.assert_allclose(found / scale, base, rtol=1e-5)


def test_inputs_of_backends_and_half_precision():
    logits, y = sample()
    rounded = logits.astype("float32")
    tensor = ops.convert_to_tensor(rounded)
    np.testing.assert_allclose(fit_temperature(y, tensor), fit_temperature(y, rounded), rtol=1e-9)
    half = ops.cast(tensor, "bfloat16")
    again = ops.convert_to_numpy(ops.cast(half, "float32"))
    np.testing.assert_allclose(fit_temperature(y, half), fit_temperature(y, again), rtol=1e-9)


def test_ends_of_the_range_where_there_is_no_minimum():
    z = np.array([[2.0, 0, 0], [0, 1.0, 0]])
    assert fit_temperature([0, 1], z) == pytest.approx(2e-3)  # all right: the sharper the better
    assert fit_temperature([2, 2], z) == pytest.approx(2e3)  # worse than chance: uniform is best
    assert fit_temperature([0, 1, 2], np.full((3, 4), 7.0)) == 1.0


def test_one_example_of_two_classes():
    assert fit_temperature([1], [[3.0, 2.0]]) == pytest.approx(1e3)


def test_apply_is_the_softmax_of_the_quotient():
    logits, _ = sample(n=5)
    for t in (0.1, 1.0, 7.0):
        e = np.exp((logits - logits.max(1, keepdims=True)) / t)
        wanted = e / e.sum(1, keepdims=True)
        np.testing.assert_allclose(apply_temperature(logits, t), wanted, rtol=1e-5, atol=1e-7)


def test_apply_survives_huge_logits_half_precision_and_empty_batches():
    found = ops.convert_to_numpy(apply_temperature(np.array([[3e38, -3e38, 0]], "float32"), 1e-3))
    np.testing.assert_array_equal(found, [[1, 0, 0]])
    half = ops.cast(ops.convert_to_tensor([[3.0, 2.0]]), "bfloat16")
    wanted = [[1 / (1 + math.exp(-0.5)), 1 / (1 + math.exp(0.5))]]
    np.testing.assert_allclose(apply_temperature(half, 2.0), wanted, rtol=1e-5)
    assert apply_temperature(np.zeros((0, 3), "float32"), 2.0).shape == (0, 3)


def test_apply_compiles_and_keeps_the_ranking():
    logits = sample(n=8)[0].astype("float32")
    found = ops.convert_to_numpy(compiled(lambda z: apply_temperature(z, 2.5))(logits))
    np.testing.assert_array_equal(np.argsort(found, axis=1), np.argsort(logits, axis=1))


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan"), float("inf")])
def test_apply_refuses_temperatures_that_are_none(temperature):
    with pytest.raises(ValueError, match="`temperature` must be positive and finite"):
        apply_temperature([[3.0, 0.0]], temperature)


@pytest.mark.parametrize(
    "logits, labels, message",
    [
        ([1.0, 2.0], [0], r"shape \[examples, classes\]"),
        (np.zeros((0, 3)), [], "not empty"),
        ([[1.0, np.nan]], [0], "must be finite"),
        ([[1.0, -np.inf]], [0], "must be finite"),
        ([[3.0, 0.0]], [2], "Received label 2"),
        ([[3.0, 0.0]], [0, 1], "2 labels for 1 examples"),
        ([[0.75, 0.25]], [0], "so probabilities already. Pass `model.predict"),
    ],
)
def test_fit_refuses_wrong_inputs(logits, labels, message):
    with pytest.raises(ValueError, match=message):
        fit_temperature(np.asarray(labels, int), np.asarray(logits, "float32"))
