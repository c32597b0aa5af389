"""Dense frames: their Gram matrices against the papers' and their cosines against the target."""

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.data import cifar100
from keras_haframe.frames import (
    best_rank_frame,
    hierarchy_aware_frame,
    min_similarity,
    similarity,
    simplex_etf,
)
from tests.golden import gamma_of, golden_cases
from tests.trees import random_tree


def gram_error(frame, target):
    return float(np.abs(frame @ frame.T - target).max())


# Hierarchy-aware frame ---------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [None, 0, 1])
@golden_cases("golden/frames.npz", "{case+}__gram")
def test_gram_of_the_papers(golden, case, seed):
    facts = golden("golden/frames.npz")
    frame = hierarchy_aware_frame(facts[f"{case}__S"], seed=seed)
    assert frame.shape == facts[f"{case}__S"].shape and frame.dtype == np.float64
    assert gram_error(frame, facts[f"{case}__gram"]) < 1e-12


@golden_cases("golden/frames.npz", "{name}__W_rows")
def test_gram_of_the_papers_vectors(golden, name):
    facts = golden("golden/frames.npz")
    frame, theirs = hierarchy_aware_frame(facts[f"{name}__S"]), facts[f"{name}__W_rows"]
    assert frame.shape == theirs.shape
    assert gram_error(frame, theirs @ theirs.T) < 1e-12


@golden_cases("golden/frames.npz", "{name}__gram_rows0to{last}")
def test_gram_rows_of_the_papers(golden, name, last):
    facts = golden("golden/frames.npz")
    frame = hierarchy_aware_frame(facts[f"{name}__S"])
    expected = facts[f"{name}__gram_rows0to{last}"]
    rows = frame[: len(expected)] @ frame.T
    np.testing.assert_allclose(rows, expected, rtol=1e-9, atol=1e-12)
    assert gram_error(frame, facts[f"{name}__S"]) < 1e-12


@golden_cases("golden/frames.npz", "{name}__wideW_rows")
def test_more_dimensions_than_classes(golden, benchmark_tree, name):
    facts = golden("golden/frames.npz")
    shape, gram = facts[f"{name}__wideW_rows"].shape, facts[f"{name}__wide_gram"]
    tree = benchmark_tree(name)
    gamma = gamma_of(gram, tree.distances())  # the file does not say which
    s = similarity(tree, gamma, min_similarity(tree, gamma, "grid"))
    frame = hierarchy_aware_frame(s, dim=shape[1], seed=0)
    assert frame.shape == shape
    assert gram_error(frame, gram) < 1e-12


@golden_cases("golden_ext/tree_{name}.npz", "Wref_{case}")
def test_gram_of_the_extensions(golden, name, case):
    facts = golden(f"golden_ext/tree_{name}.npz")
    frame = hierarchy_aware_frame(facts[f"S_{case}"], seed=5)
    theirs = facts[f"Wref_{case}"]
    assert gram_error(frame, theirs @ theirs.T) < 1e-11


@pytest.mark.parametrize("seed", range(10))
def test_random_trees(seed):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, int(rng.integers(2, 40)))
    gamma = float(np.exp(rng.uniform(-1, 1.5)))
    for s_min in ("exact", "grid"):
        s = similarity(tree, gamma, min_similarity(tree, gamma, s_min))
        for dim in (None, tree.num_classes, tree.num_classes + 7):
            frame = hierarchy_aware_frame(s, dim, seed=seed)
            assert gram_error(frame, s) < (2e-6 if s_min == "grid" else 1e-11)
            np.testing.assert_allclose(np.linalg.norm(frame, axis=1), 1.0, atol=2e-6)


def test_seed_turns_the_frame_and_nothing_else(tree):
    s = similarity(tree, 1.0, 0.0)
    plain, zero, again, one = (hierarchy_aware_frame(s, seed=x) for x in (None, 0, 0, 1))
    np.testing.assert_array_equal(zero, again)
    assert np.abs(zero - one).max() > 0.01 and np.abs(zero - plain).max() > 0.01
    np.testing.assert_allclose(zero @ zero.T, one @ one.T, atol=1e-14)


@pytest.mark.parametrize("seed", [None, 0])
def test_does_not_depend_on_the_choice_of_eigenvectors(monkeypatch, seed):
    """Of equal eigenvalues (10 of 100 differ here) every BLAS kernel gives other vectors."""
    s = similarity(cifar100.class_tree(), 2.0, 0.0)
    frame, eigh = hierarchy_aware_frame(s, seed=seed), np.linalg.eigh

    def another(matrix):
        values, vectors = eigh(matrix)
        for start in np.flatnonzero(np.diff(values, prepend=-1) > 1e-9):
            same = np.abs(values - values[start]) < 1e-9
            turn = np.random.default_rng(start).normal(size=(same.sum(),) * 2)
            vectors[:, same] = vectors[:, same] @ np.linalg.qr(turn)[0]
        return values, vectors

    assert len(np.unique(eigh(s)[0].round(9))) == 10
    monkeypatch.setattr(np.linalg, "eigh", another)
    np.testing.assert_allclose(hierarchy_aware_frame(s, seed=seed), frame, atol=1e-13)


def test_seed_does_not_touch_the_global_generator(tree):
    s = similarity(tree, 1.0, 0.0)
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    hierarchy_aware_frame(s, seed=7)
    assert np.random.rand() == expected  # noqa: NPY002


def test_rank_deficient_similarity_is_welcome(tree):
    s = similarity(tree, 1.0, min_similarity(tree, 1.0))
    frame = hierarchy_aware_frame(s)
    assert np.linalg.matrix_rank(frame, tol=1e-6) == 3
    assert gram_error(frame, s) < 1e-12


@pytest.mark.parametrize("dim", [3, 0, -1, 2.5, 4.0, True, "4"])
def test_too_few_dimensions(tree, dim):
    with pytest.raises(ValueError, match=r"`dim` must be an integer of at least 4.*Received: "):
        hierarchy_aware_frame(similarity(tree, 1.0, 0.0), dim=dim)


@pytest.mark.parametrize(
    ("s", "match"),
    [
        ([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]], "eigenvalue -0.8.*larger min_sim"),
        ([[1.0, 2.0], [2.0, 1.0]], "not positive semi-definite"),
        ([[1.0, 0.1], [0.2, 1.0]], "symmetric"),
        ([[1.0, np.nan], [np.nan, 1.0]], "finite"),
        ([[2.0, 0.1], [0.1, 1.0]], "ones on its diagonal"),
        ([[1.0]], r"Received shape: \(1, 1\)"),
        (np.ones((2, 3)), r"Received shape: \(2, 3\)"),
        (np.ones(4), r"Received shape: \(4,\)"),
    ],
)
def test_bad_similarity(s, match):
    with pytest.raises(ValueError, match=match):
        hierarchy_aware_frame(s)
    with pytest.raises(ValueError, match=match):
        best_rank_frame(s, 1)


def test_eigenvalues_below_the_papers_tolerance_count_as_zero(tree):
    """As in the papers' code, -1e-7 is rounding and -1e-4 is an error."""
    bound = min_similarity(tree, 1.0)
    s = similarity(tree, 1.0, bound - 1e-7)
    assert np.linalg.eigvalsh(s)[0] < 0
    assert gram_error(hierarchy_aware_frame(s), s) < 1e-6
    with pytest.raises(ValueError, match="not positive semi-definite"):
        hierarchy_aware_frame(similarity(tree, 1.0, bound - 1e-4))


# Best frame of fewer dimensions ------------------------------------------------------------------


@pytest.mark.parametrize("seed", [None, 0])
def test_full_rank_is_exact(uneven_tree, seed):
    s = similarity(uneven_tree, 2.0, 0.0)
    frame, error = best_rank_frame(s, 7, seed)
    assert gram_error(frame, s) < 1e-12 and error < 1e-13


def test_singular_similarity_needs_one_dimension_less(tree):
    s = similarity(tree, 1.0, min_similarity(tree, 1.0))
    frame, error = best_rank_frame(s, 3)
    assert frame.shape == (4, 3) and error < 1e-12 and gram_error(frame, s) < 1e-12


@pytest.mark.parametrize("dim", [2, 3, 5])
def test_few_dimensions(dim):
    tree = cifar100.class_tree()
    s = similarity(tree, 2.0, min_similarity(tree, 2.0, "grid"))
    result = best_rank_frame(s, 10 * dim)
    frame, error = result
    assert result.frame is frame and result.gram_error == error
    np.testing.assert_allclose(np.linalg.norm(frame, axis=1), 1.0, rtol=1e-12)
    expected = np.linalg.norm(frame @ frame.T - s) / np.linalg.norm(s)
    assert error == pytest.approx(expected, rel=1e-12) and 0 < error < 1
    # Before the rows are scaled it is the Eckart-Young optimum; the cosines are those of its rows.
    values, vectors = np.linalg.eigh(s)
    best = (vectors[:, -10 * dim :] * values[-10 * dim :]) @ vectors[:, -10 * dim :].T
    scale = np.sqrt(np.diagonal(best))
    np.testing.assert_allclose(frame @ frame.T, best / np.outer(scale, scale), atol=1e-9)


def test_error_falls_as_dimensions_rise():
    tree = cifar100.class_tree()
    s = similarity(tree, 1.0, min_similarity(tree, 1.0, "grid"))
    errors = [best_rank_frame(s, dim).gram_error for dim in (20, 40, 60, 80, 99)]
    assert errors == sorted(errors, reverse=True)


def test_seed_turns_a_low_rank_frame():
    tree = cifar100.class_tree()
    s = similarity(tree, 2.0, 0.0)
    zero, again, one = (best_rank_frame(s, 20, seed).frame for seed in (0, 0, 1))
    np.testing.assert_array_equal(zero, again)
    assert np.abs(zero - one).max() > 0.01
    np.testing.assert_allclose(zero @ zero.T, one @ one.T, atol=1e-12)


def test_a_class_without_any_component():
    s = np.eye(3)
    s[0, 1] = s[1, 0] = 0.5  # the largest eigenvector leaves class 2 out
    with pytest.raises(ValueError, match=r"With dim=1 a class has no component"):
        best_rank_frame(s, 1)


@pytest.mark.parametrize(
    ("dim", "match"),
    [(0, "at least 1"), (5, "at most the number of classes 4. Received: dim=5"), (1.5, "integer")],
)
def test_bad_dimension_of_a_low_rank_frame(tree, dim, match):
    with pytest.raises(ValueError, match=match):
        best_rank_frame(similarity(tree, 1.0, 0.0), dim)


# Simplex -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3, 10, 101])
@pytest.mark.parametrize("extra", [None, -1, 0, 5])
@pytest.mark.parametrize("seed", [None, 0])
def test_simplex(k, extra, seed):
    frame = simplex_etf(k, None if extra is None else k + extra, seed)
    assert frame.shape == (k, k + (extra or 0)) and frame.dtype == np.float64
    target = np.where(np.eye(k, dtype=bool), 1.0, -1 / (k - 1))
    assert gram_error(frame, target) < 1e-13
    np.testing.assert_allclose(frame.sum(axis=0), 0.0, atol=1e-13)


def test_simplex_by_hand():
    gram = simplex_etf(3) @ simplex_etf(3).T
    np.testing.assert_allclose(gram, [[1, -0.5, -0.5], [-0.5, 1, -0.5], [-0.5, -0.5, 1]])


def test_simplex_is_the_frame_of_a_flat_tree():
    tree = kh.ClassTree([("r", f"c{i}") for i in range(6)])
    frame = hierarchy_aware_frame(similarity(tree, 0.7, min_similarity(tree, 0.7)))
    np.testing.assert_allclose(frame @ frame.T, simplex_etf(6) @ simplex_etf(6).T, atol=1e-12)


@golden_cases("golden_ext/etf_dr_{name}.npz")
def test_gram_of_the_published_simplex(golden, name):
    theirs = golden(f"golden_ext/etf_dr_{name}.npz")["M"].astype(np.float64)  # [d, K]
    dim, k = theirs.shape
    ours = simplex_etf(k, dim, seed=0)
    np.testing.assert_allclose(ours @ ours.T, theirs.T @ theirs, atol=2e-6)


def test_seeds_of_the_simplex():
    zero, again, one = (simplex_etf(5, 8, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(zero, again)
    assert np.abs(zero - one).max() > 0.01


@pytest.mark.parametrize(
    ("args", "match"),
    [
        ((1,), "`num_classes` must be at least 2. Received: 1"),
        ((-3,), "`num_classes` must be at least 2"),
        ((2.0,), "`num_classes` must be an integer. Received: 2.0"),
        ((True,), "`num_classes` must be an integer"),
        (("5",), "`num_classes` must be an integer"),
        ((5, 3), "`dim` must be an integer of at least 4: a simplex of 5 points.*Received: 3"),
        ((5, 4.5), "`dim` must be an integer"),
    ],
)
def test_bad_simplex(args, match):
    with pytest.raises(ValueError, match=match):
        simplex_etf(*args)
