import numpy as np
import pytest

from keras_haframe.collapse.class_mean_statistics import between_spectrum, nc1, nc1_quotient
from keras_haframe.collapse.targets import center, class_prior
from tests.collapse import twins


def spectrum(k, d, seed=0, convention="class"):
    rng = np.random.default_rng(seed)
    means = rng.standard_normal((k, d))
    prior = class_prior(rng.integers(1, 20, k), convention)
    return means, center(means, prior)


@pytest.mark.parametrize("convention", ["class", "sample"])
@pytest.mark.parametrize("k,d", [(8, 32), (20, 12), (6, 6), (7, 6), (2, 1)])
def test_spectrum_rebuilds_the_between_class_scatter(k, d, convention):
    _, centered = spectrum(k, d, convention=convention)
    values, vectors = between_spectrum(centered)
    assert len(values) == min(k - 1, d)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(len(values)), atol=1e-12)
    np.testing.assert_allclose((vectors.T * values**2) @ vectors, centered.T @ centered, atol=1e-11)


def test_never_more_than_k_minus_one_values():
    # Without exact centering all K values pass the threshold; the K-th is still dropped.
    vectors = np.random.default_rng(0).standard_normal((5, 9))
    assert len(between_spectrum(vectors)[0]) == 4
    assert len(between_spectrum(vectors[:, :4])[0]) == 4
    assert len(between_spectrum(vectors[:, :3])[0]) == 3


@pytest.mark.parametrize("k,d", [(8, 32), (20, 12), (9, 9)])
def test_nc1_equals_the_pseudo_inverse(k, d):
    features, labels = twins.draw(np.random.default_rng(k), k, d, 300)
    _, means, scatter, _ = twins.moments(features, labels, k)
    centered = means - means.mean(axis=0)
    inverse = np.linalg.pinv(centered.T @ centered / k, rcond=1e-12)
    expected = np.trace(scatter / 300 @ inverse) / k
    np.testing.assert_allclose(nc1(scatter, 300, *between_spectrum(centered)), expected, rtol=1e-10)


@pytest.mark.parametrize("k,d", [(30, 12), (8, 40)])
def test_small_directions_survive(k, d):
    """Spreads 1 .. 1e-10: exact to rounding, where an eigendecomposition of M_c'M_c is lost."""
    rng = np.random.default_rng(1)
    r = min(k - 1, d)
    left = np.linalg.qr(center(rng.standard_normal((k, r)), np.full(k, 1 / k)))[0]
    right = np.linalg.qr(rng.standard_normal((d, r)))[0]
    true = np.logspace(0, -10, r)
    centered = (left * true) @ right.T
    values, vectors = between_spectrum(centered)
    np.testing.assert_allclose(values, true, rtol=1e-4)
    expected = np.sum(true**-2)
    np.testing.assert_allclose(nc1(np.eye(d), 1, values, vectors), expected, rtol=1e-4)
    squared = np.linalg.eigvalsh(centered.T @ centered)[-r:]
    assert squared.min() < 0.5 * true.min() ** 2 or squared.min() > 2 * true.min() ** 2


@pytest.mark.parametrize("smallest", [1e-1, 1.1e-3, 0.9e-3, 1e-6])
def test_both_roads_for_many_classes_agree_with_the_thin_svd(smallest):
    rng = np.random.default_rng(2)
    left = np.linalg.qr(center(rng.standard_normal((50, 6)), np.full(50, 0.02)))[0]
    right = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    centered = (left * np.geomspace(1, smallest, 6)) @ right
    values, vectors = between_spectrum(centered)
    _, expected, directions = np.linalg.svd(centered, full_matrices=False)
    np.testing.assert_allclose(values, expected, rtol=1e-9)
    np.testing.assert_allclose(np.abs(np.sum(vectors * directions, axis=1)), 1, rtol=1e-8)
    found = nc1(np.eye(6), 1, values, vectors)
    np.testing.assert_allclose(found, np.sum(expected**-2), rtol=1e-8)


def test_no_spread_is_not_a_number():
    scatter = np.eye(3)
    assert np.isnan(nc1(scatter, 5, *between_spectrum(np.zeros((4, 3)))))
    assert np.isnan(nc1(scatter, 5, *between_spectrum(np.zeros((1, 3)))))
    assert np.isnan(nc1_quotient(np.ones(4), np.full(4, 0.25), np.zeros((4, 3))))
    # Rounding left by centering equal means far from the origin is no spread either.
    means = np.full((4, 3), 1e6) * (1 + 1e-16)
    noise = center(means + np.random.default_rng(0).choice([0, 2e-10], (4, 3)), np.full(4, 0.25))
    assert len(between_spectrum(noise, np.linalg.norm(means))[0]) == 0
    assert len(between_spectrum(1e3 * noise, np.linalg.norm(means))[0]) > 0


def test_quotient_by_hand():
    # Means -2 and 2, variances 1 and 3: tr Sigma_B = 4.
    centered = np.array([[-2.0], [2.0]])
    assert nc1_quotient(np.array([1.0, 3.0]), np.array([0.5, 0.5]), centered) == 0.5
    assert nc1_quotient(np.array([1.0, 3.0]), np.array([0.0, 1.0]), centered) == 0.75


def test_variance_outside_the_span_of_the_means_does_not_count():
    values, vectors = between_spectrum(np.array([[1.0, 0, 0], [-1.0, 0, 0]]))
    assert nc1(np.diag([0.0, 7.0, 7.0]), 1, values, vectors) == 0.0
    np.testing.assert_allclose(nc1(np.diag([4.0, 7.0, 7.0]), 1, values, vectors), 2.0)


def test_rounding_in_the_scatter_cannot_make_it_negative():
    values, vectors = between_spectrum(np.array([[1e-6, 0.0], [-1e-6, 0.0]]))
    assert nc1(np.array([[-1e-17, 0.0], [0.0, 1.0]]), 1, values, vectors) == 0.0
