import numpy as np
import pytest

from keras_haframe.collapse.pairs import (
    AngleGap,
    DistanceVariance,
    GramGap,
    cross_gap,
    gram_pass,
    product_norm,
)
from keras_haframe.collapse.targets import EtfTarget, GramTarget
from tests.collapse import twins

TILES = [1, 8 * 9 * 2, 8 * 9 * 4, None]


class Collect:
    def __init__(self, k):
        self.gram, self.seen = np.zeros((k, k)), np.zeros((k, k), int)

    def add(self, rows, columns, tile):
        self.gram[rows, columns] = tile
        self.seen[rows, columns] += 1


@pytest.mark.parametrize("tile_bytes", TILES)
def test_every_pair_is_met_once(tile_bytes):
    vectors = np.random.default_rng(0).standard_normal((9, 3))
    collect = Collect(9)
    gram_pass(vectors, [collect], tile_bytes)
    assert (np.triu(collect.seen) == np.triu(np.ones((9, 9)))).all()
    above = np.triu(collect.gram)
    np.testing.assert_allclose(above, np.triu(vectors @ vectors.T), atol=1e-14)


@pytest.mark.parametrize("tile_bytes", TILES)
@pytest.mark.parametrize("d", [3, 20])
def test_gaps_equal_whole_matrices(tile_bytes, d):
    rng = np.random.default_rng(1)
    vectors, rows = rng.standard_normal((2, 9, d))
    frame = rng.standard_normal((9, 12))
    s = frame @ frame.T
    prior = rng.dirichlet(np.ones(9))
    c = np.eye(9) - np.outer(np.ones(9), prior)
    etf = np.eye(9) - 1 / 9
    for target, gram, cross in (
        (EtfTarget(9), etf, etf),
        (GramTarget(s, np.arange(9), prior), c @ s @ c.T, s @ c.T),
        (GramTarget(s, np.arange(9), None), s, s),
    ):
        gap = GramGap(product_norm(vectors, vectors), target)
        gram_pass(vectors, [gap], tile_bytes)
        expected = twins.frobenius_gap(vectors @ vectors.T, gram)
        np.testing.assert_allclose(gap.result(), expected, rtol=1e-12)
        expected = twins.frobenius_gap(rows @ vectors.T, cross)
        (found,) = cross_gap(rows, vectors, [target], tile_bytes)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_gap_at_collapse_is_at_rounding_level():
    # 2 - 2 <A, B> would leave about 2e-8.
    frame = np.random.default_rng(2).standard_normal((40, 50))
    target = GramTarget(frame @ frame.T, np.arange(40), None)
    gap = GramGap(product_norm(3 * frame, 3 * frame), target)
    gram_pass(3 * frame, [gap])
    assert gap.result() < 1e-13
    assert cross_gap(frame, 3 * frame, [target])[0] < 1e-13


def test_gap_is_largest_for_vectors_opposed_to_the_target():
    # One pair of opposite vectors among four classes against everything else.
    values = []
    for vectors in (np.eye(4), np.ones((4, 1)) + 1e-3 * np.eye(4)):
        gap = GramGap(product_norm(vectors, vectors), EtfTarget(4))
        gram_pass(vectors, [gap])
        values.append(gap.result())
    assert values[0] < values[1] <= np.sqrt(2)


@pytest.mark.parametrize("tile_bytes", TILES)
def test_angles_against_loops(tile_bytes):
    rng = np.random.default_rng(3)
    vectors, frame = rng.standard_normal((2, 9, 5))
    for target in (EtfTarget(9), GramTarget(frame @ frame.T, np.arange(9), None)):
        angles = AngleGap(vectors, target)
        gram_pass(vectors, [angles], tile_bytes)
        gaps, cosines = [], []
        for i in range(9):
            for j in range(i + 1, 9):
                v, w = vectors[i], vectors[j]
                cosines.append(v @ w / np.linalg.norm(v) / np.linalg.norm(w))
                f, g = frame[i], frame[j]
                goal = f @ g / np.linalg.norm(f) / np.linalg.norm(g)
                gaps.append(cosines[-1] - (-1 / 8 if isinstance(target, EtfTarget) else goal))
        expected = np.mean(np.abs(gaps)), np.std(gaps), np.degrees(np.arccos(max(cosines)))
        np.testing.assert_allclose(angles.result(), expected, rtol=1e-10)


def test_angles_of_an_etf_and_of_merged_vectors():
    etf = np.eye(5) - 1 / 5
    angles = AngleGap(etf, EtfTarget(5))
    gram_pass(etf, [angles], 8)
    mean, deviation, smallest = angles.result()
    assert mean < 1e-15 and deviation < 1e-15
    np.testing.assert_allclose(smallest, np.degrees(np.arccos(-0.25)))
    etf[1] = 2 * etf[0]
    angles = AngleGap(etf, EtfTarget(5))
    gram_pass(etf, [angles])
    assert angles.result()[2] < 1e-5


def test_no_pairs_and_zero_vectors():
    for vectors, k in ((np.ones((1, 2)), 2), (np.zeros((3, 2)), 3)):
        measures = [AngleGap(vectors, EtfTarget(k)), DistanceVariance(vectors, np.ones(k))]
        if len(vectors) == 1:
            assert np.isnan(measures[0].result()).all() and np.isnan(measures[1].result())
            continue
        gram_pass(vectors, [measures[0]])
        assert np.isnan(measures[0].result()).all()
    gap = GramGap(0.0, EtfTarget(3))
    gram_pass(np.zeros((3, 2)), [gap])
    assert np.isnan(gap.result())
    assert np.isnan(cross_gap(np.zeros((3, 2)), np.ones((3, 2)), [EtfTarget(3)])).all()


@pytest.mark.parametrize("tile_bytes", TILES)
def test_distance_variance_against_loops(tile_bytes):
    rng = np.random.default_rng(4)
    vectors, variances = rng.standard_normal((9, 4)), rng.random(9)
    expected = np.mean(
        [
            (variances[i] + variances[j]) / 2 / np.sum((vectors[i] - vectors[j]) ** 2)
            for i in range(9)
            for j in range(i)
        ]
    )
    cdnv = DistanceVariance(vectors, variances)
    gram_pass(vectors, [cdnv], tile_bytes)
    np.testing.assert_allclose(cdnv.result(), expected, rtol=1e-12)


@pytest.mark.parametrize("tile_bytes", TILES)
def test_distances_of_close_means_keep_their_digits(tile_bytes):
    vectors = np.random.default_rng(5).standard_normal((9, 4))
    vectors[7] = vectors[2] + 1e-7  # |v|^2 + |w|^2 - 2vw has no digit left here
    variances = np.zeros(9)
    variances[7] = 1.0
    cdnv = DistanceVariance(vectors, variances)
    gram_pass(vectors, [cdnv], tile_bytes)
    expected = np.mean(
        [
            (variances[i] + variances[j]) / 2 / np.sum((vectors[i] - vectors[j]) ** 2)
            for i in range(9)
            for j in range(i)
        ]
    )
    np.testing.assert_allclose(cdnv.result(), expected, rtol=1e-8)


@pytest.mark.parametrize("variance", [0.0, 1.0])
def test_coinciding_means_are_never_collapse(variance):
    vectors = np.array([[1.0, 0], [1.0, 0], [0, 1.0]])
    cdnv = DistanceVariance(vectors, np.full(3, variance))
    gram_pass(vectors, [cdnv])
    assert cdnv.result() == np.inf


@pytest.mark.parametrize("k,d", [(9, 4), (4, 9), (5, 5), (1, 3)])
def test_product_norm(monkeypatch, k, d):
    monkeypatch.setattr("keras_haframe.collapse.targets.TILE_BYTES", 64)
    left, right = np.random.default_rng(k).standard_normal((2, k, d))
    np.testing.assert_allclose(
        product_norm(left, right), np.linalg.norm(left @ right.T), rtol=1e-12
    )
    np.testing.assert_allclose(product_norm(left, left), np.linalg.norm(left @ left.T), rtol=1e-12)


@pytest.mark.parametrize("share", [0.0, 1e-9, 1e-4])
def test_cross_gap_of_nearly_orthogonal_matrices(share):
    """The norm of the product, taken from d x d matrices, has no correct digit here."""
    basis = np.linalg.qr(np.random.default_rng(6).standard_normal((6, 6)))[0]
    left = np.random.default_rng(7).standard_normal((20, 3)) @ basis[:3]
    right = np.random.default_rng(8).standard_normal((20, 3)) @ basis[3:] + share * left
    frame = np.random.default_rng(9).standard_normal((20, 30))
    targets = [EtfTarget(20), GramTarget(frame @ frame.T, np.arange(20), None)]
    found = cross_gap(left, right, targets, 8 * 20 * 6)
    expected = [
        twins.frobenius_gap(left @ right.T, gram) for gram in (np.eye(20) - 1 / 20, frame @ frame.T)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12 if share else 0.5)
    wrong = abs(product_norm(left, right) / np.linalg.norm(left @ right.T) - 1)
    assert wrong > 1e-12 or share == 1e-4


def test_cross_gap_at_collapse_in_tiles_with_more_classes_than_dimensions():
    frame = np.random.default_rng(10).standard_normal((60, 7)) * np.linspace(0.1, 9, 60)[:, None]
    target = GramTarget(frame @ frame.T, np.arange(60), None)
    found = cross_gap(frame, 5 * frame, [target, EtfTarget(60)], 8 * 60 * 4)
    assert found[0] < 1e-12 and found[1] > 0.5
