import numpy as np
import pytest

from keras_haframe.collapse import duality, frame_gap, tail_angle
from keras_haframe.collapse.alignment import equinorm, row_alignment
from tests.collapse import twins


def test_duality_by_hand():
    a, m = np.array([[1.0, 0], [0, 1]]), np.array([[0.0, 2], [2, 0]])
    np.testing.assert_allclose(duality(a, 5 * a), 0, atol=1e-15)
    np.testing.assert_allclose(duality(a, -a), 4)
    np.testing.assert_allclose(duality(a, m), 2)  # orthogonal as vectors in R^4
    assert np.isnan(duality(a, 0 * m))
    with pytest.raises(ValueError, match=r"both be \[K, d\].*\(2, 2\) and \(2, 3\)"):
        duality(a, np.ones((2, 3)))


def test_row_alignment_and_equinorm_by_hand():
    a = np.array([[1.0, 0], [0, 2]])
    m = np.array([[3.0, 0], [4, 0]])
    np.testing.assert_allclose(row_alignment(a, m), 0.5)
    np.testing.assert_allclose(equinorm(a, np.ones(2)), 0.5 / 1.5)
    np.testing.assert_allclose(equinorm(a, np.array([1.0, 2.0])), 0)
    assert np.isnan(row_alignment(a, 0 * m)) and np.isnan(equinorm(0 * a, np.ones(2)))


def test_tail_angle_takes_the_rarest_third_and_ties():
    angles = np.radians([0, 90, 180, 200, 230, 231])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    counts = np.array([100, 50, 3, 2, 60, 70])
    np.testing.assert_allclose(tail_angle(vectors, counts), 20)  # classes 2 and 3
    counts[0] = 3
    np.testing.assert_allclose(tail_angle(vectors, counts), 20)  # class 0 has as few as class 2
    np.testing.assert_allclose(tail_angle(vectors, np.full(6, 9)), 1, rtol=1e-6)  # balanced: all
    np.testing.assert_allclose(tail_angle(vectors, counts, share=1.0), 1, rtol=1e-6)
    np.testing.assert_allclose(tail_angle(vectors, np.arange(6), share=0.01), 90)  # two at least
    assert np.isnan(tail_angle(vectors[:1], [5]))


@pytest.mark.parametrize("centered", [True, False])
@pytest.mark.parametrize("mean", ["class", "sample"])
@pytest.mark.parametrize("with_target", [True, False])
def test_frame_gap_against_whole_matrices(mean, centered, with_target):
    rng = np.random.default_rng(0)
    vectors, other, frame = rng.standard_normal((3, 6, 9))
    counts = rng.integers(1, 9, 6)
    s = frame @ frame.T
    weights = np.full(6, 1 / 6) if mean == "class" else counts / counts.sum()
    c = np.eye(6) - np.outer(np.ones(6), weights) if centered else np.eye(6)
    gap = frame_gap(
        vectors, s if with_target else None, other, counts=counts, mean=mean, centered=centered
    )
    etf = np.eye(6) - 1 / 6
    v = c @ vectors
    gram, cross = (c @ s @ c.T, s @ c.T) if with_target else (etf, etf)
    np.testing.assert_allclose(gap["gram"], twins.frobenius_gap(v @ v.T, gram), rtol=1e-12)
    np.testing.assert_allclose(gap["cross"], twins.frobenius_gap(other @ v.T, cross), rtol=1e-12)
    unit = v / np.linalg.norm(v, axis=1, keepdims=True)
    lengths = np.sqrt(np.diag(gram))
    goal = gram / np.outer(lengths, lengths) if with_target else np.full((6, 6), -0.2)
    pairs = (unit @ unit.T - goal)[np.triu_indices(6, 1)]
    np.testing.assert_allclose(gap["angle_mean"], np.abs(pairs).mean(), rtol=1e-10)
    np.testing.assert_allclose(gap["angle_std"], pairs.std(), rtol=1e-10)


def test_a_fixed_frame_is_at_its_own_target():
    frame = np.random.default_rng(1).standard_normal((7, 7))
    for centered in (True, False):
        gap = frame_gap(4 * frame, frame @ frame.T, frame, centered=centered)
        for name in ("gram", "cross", "angle_mean", "angle_std"):
            assert gap[name] < 1e-12, name


def test_frame_gap_errors():
    with pytest.raises(ValueError, match=r"at least two rows. Received: 1"):
        frame_gap([[1.0, 2.0]])
    with pytest.raises(ValueError, match="must be finite"):
        frame_gap([[1.0, np.nan], [0.0, 1.0]])
    with pytest.raises(ValueError, match=r"`other` must have shape \[2, 2\]"):
        frame_gap(np.eye(2), other=np.eye(3))
    with pytest.raises(ValueError, match="Received: mean='mean'"):
        frame_gap(np.eye(2), mean="mean")
