import numpy as np
import pytest

from keras_haframe.collapse.centering import center, class_prior


def test_priors():
    np.testing.assert_allclose(class_prior([3, 1, 4], "class"), [1 / 3] * 3)
    np.testing.assert_allclose(class_prior([3, 1, 4], "sample"), [0.375, 0.125, 0.5])
    with pytest.raises(ValueError, match=r"'class'.*'sample'.*Received: 'global'"):
        class_prior([1, 2], "global")


@pytest.mark.parametrize("convention", ["class", "sample"])
def test_weighted_mean_is_removed_even_from_a_large_offset(convention):
    rng = np.random.default_rng(0)
    means, counts = rng.standard_normal((6, 4)), rng.integers(1, 9, 6)
    prior = class_prior(counts, convention)
    expected = np.array([m - sum(p * q for p, q in zip(prior, means)) for m in means])
    np.testing.assert_allclose(center(means, prior), expected, atol=1e-14)
    shifted = center(means + 1e8, prior)
    np.testing.assert_allclose(prior @ shifted, 0, atol=1e-12)
    np.testing.assert_allclose(shifted, expected, atol=1e-7)


def test_conventions_agree_on_balanced_data_only():
    means = np.random.default_rng(1).standard_normal((4, 3))
    balanced, unbalanced = [7, 7, 7, 7], [7, 7, 7, 8]
    for counts, same in ((balanced, True), (unbalanced, False)):
        left, right = (center(means, class_prior(counts, c)) for c in ("class", "sample"))
        assert np.allclose(left, right, atol=1e-12) == same


def test_exact_on_integers():
    means = np.array([[1.0, 4.0], [3.0, 8.0]])
    np.testing.assert_array_equal(center(means, np.array([0.5, 0.5])), [[-1, -2], [1, 2]])
    np.testing.assert_array_equal(center(means, np.array([0.25, 0.75])), [[-1.5, -3], [0.5, 1]])
    np.testing.assert_array_equal(means, [[1, 4], [3, 8]])
