import numpy as np
import pytest

from keras_haframe.collapse.targets import (
    EtfTarget,
    GramTarget,
    center,
    check_target,
    class_prior,
    row_tiles,
)

ALL = slice(None)


def frame(k=6, d=8, seed=0):
    rows = np.random.default_rng(seed).standard_normal((k, d)) + 0.3
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows, rows @ rows.T


def whole(target, name, k):
    return getattr(target, name)(slice(0, k), slice(0, k))


def test_row_tiles_cover_everything_once():
    for rows, columns, size in ((10, 4, 64), (10, 4, 1), (10, 4, 10**6), (1, 1, 8), (7, 100, 1600)):
        tiles = list(row_tiles(rows, columns, size))
        assert [i for t in tiles for i in range(t.start, t.stop)] == list(range(rows))
        assert all((t.stop - t.start) * columns * 8 <= max(size, columns * 8) for t in tiles)
    assert list(row_tiles(0, 5)) == []


def test_etf_target_by_hand():
    # Three classes: (I - 1/3) / sqrt(2), cosines -1/2.
    target = EtfTarget(3)
    expected = (np.eye(3) - 1 / 3) / np.sqrt(2)
    np.testing.assert_allclose(whole(target, "gram", 3), expected)
    np.testing.assert_allclose(whole(target, "cross", 3), expected)
    np.testing.assert_allclose(target.gram(slice(1, 3), slice(0, 2)), expected[1:3, :2])
    assert target.cosines(slice(0, 1), slice(0, 3)) == -0.5
    np.testing.assert_allclose(np.linalg.norm(expected), 1)


@pytest.mark.parametrize("tile_bytes", [1, 8 * 6 * 2, 2**20])
@pytest.mark.parametrize("kind", ["array", "float32", "callable"])
@pytest.mark.parametrize("present", [range(6), [0, 2, 3, 5], [4, 5]])
def test_gram_target_against_whole_matrices(monkeypatch, tile_bytes, kind, present):
    monkeypatch.setattr("keras_haframe.collapse.targets.TILE_BYTES", tile_bytes)
    present = np.array(list(present))
    k = len(present)
    rows, s = frame()
    source = {"array": s, "float32": s.astype("float32"), "callable": lambda i: rows[i] @ rows.T}
    tolerance = 1e-6 if kind == "float32" else 1e-12
    prior = np.random.default_rng(1).dirichlet(np.ones(k))
    target = GramTarget(check_target(source[kind], 6), present, prior)
    sub = s[np.ix_(present, present)]
    c = np.eye(k) - np.outer(np.ones(k), prior)
    gram, cross = c @ sub @ c.T, sub @ c.T
    close = {"atol": tolerance, "rtol": 0}
    np.testing.assert_allclose(whole(target, "gram", k), gram / np.linalg.norm(gram), **close)
    np.testing.assert_allclose(whole(target, "cross", k), cross / np.linalg.norm(cross), **close)
    lengths = np.sqrt(np.diag(gram))
    np.testing.assert_allclose(target.lengths, lengths, **close)
    cosines = gram / np.outer(lengths, lengths)
    np.testing.assert_allclose(whole(target, "cosines", k), cosines, **close)
    part = target.gram(slice(1, k), slice(0, 1))
    np.testing.assert_allclose(part, gram[1:, :1] / np.linalg.norm(gram), **close)


def test_without_centering_the_target_is_s_itself():
    _, s = frame()
    target = GramTarget(s, np.arange(6), None)
    np.testing.assert_allclose(whole(target, "gram", 6), s / np.linalg.norm(s))
    np.testing.assert_allclose(whole(target, "cross", 6), s / np.linalg.norm(s))
    np.testing.assert_allclose(whole(target, "cosines", 6), s)
    np.testing.assert_allclose(target.lengths, 1)


@pytest.mark.parametrize("source", ["etf", "identity"])
def test_etf_gram_and_identity_reduce_to_the_etf(source):
    k = 7
    s = np.eye(k) if source == "identity" else k / (k - 1) * np.eye(k) - 1 / (k - 1)
    target = GramTarget(s, np.arange(k), np.full(k, 1 / k))
    for name in ("gram", "cross"):
        expected = whole(EtfTarget(k), name, k)
        np.testing.assert_allclose(whole(target, name, k), expected, atol=1e-14)
    np.testing.assert_allclose(whole(target, "cosines", k)[0, 1:], -1 / (k - 1))


def test_input_matrix_is_untouched_and_not_copied():
    _, s = frame()
    before = s.copy()
    checked = check_target(s, 6)
    GramTarget(checked, np.arange(6), np.full(6, 1 / 6)).gram(slice(0, 6), slice(0, 6))
    assert checked is s
    np.testing.assert_array_equal(s, before)


@pytest.mark.parametrize(
    "target,message",
    [
        (np.eye(4), r"shape \(6, 6\).*Received shape: \(4, 4\).*pass W @ W.T"),
        (np.ones((6, 8)), r"Received shape: \(6, 8\)"),
        (np.triu(np.ones((6, 6))), "symmetric. Received: asymmetry of 1"),
        (np.diag([1.0, 1, 1, np.nan, 1, 1]), "finite"),
        (np.diag([1.0, 1, 1, 0, 1, 1]), "positive diagonal"),
    ],
)
def test_target_errors(target, message):
    with pytest.raises(ValueError, match=message):
        check_target(target, 6)


def test_callable_with_wrong_rows():
    with pytest.raises(ValueError, match="must return rows"):
        GramTarget(lambda i: np.ones((len(i), 3)), np.arange(6), None)
    with pytest.raises(ValueError, match="must return rows"):
        GramTarget(lambda i: np.ones((6, 6)), np.arange(5), None)


# Centering ----------------------------------------------------------------------------------


def test_priors():
    np.testing.assert_allclose(class_prior([3, 1, 4], "class"), [1 / 3] * 3)
    np.testing.assert_allclose(class_prior([3, 1, 4], "sample"), [0.375, 0.125, 0.5])
    with pytest.raises(ValueError, match=r"'class'.*'sample'.*Received: mean='global'"):
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
