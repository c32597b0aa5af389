"""Target cosines and their lower bound against the papers' numbers and eigendecompositions."""

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.frames import min_similarity, similarity
from keras_haframe.frames.similarity import (
    check_distances,
    check_gamma,
    resolve_min_similarity,
)
from tests.golden import frame_case, golden_cases, number, numbered_tree
from tests.trees import random_tree


def brute_similarity(d, gamma, s_min, mapping="exponential"):
    d_max = max(max(row) for row in d)
    k = len(d)
    s = np.empty((k, k))
    for i in range(k):
        for j in range(k):
            t = d[i][j] / d_max
            f = np.exp(-gamma * t) if mapping == "exponential" else 1 - t
            s[i, j] = (1 - s_min) * f + s_min
    return s


def brute_grid(d, gamma, mapping="exponential"):
    """The papers' search: 100 eigendecompositions, the most negative feasible grid point."""
    k = len(d)
    found = float("inf")
    for g in np.linspace(-1 / (k - 1), -1, 100):
        values = np.linalg.eigvalsh(brute_similarity(d, gamma, g, mapping))
        values[np.abs(values) < 1e-6] = 0
        if (values >= 0).all():
            found = min(found, g)
    return found


# Values ------------------------------------------------------------------------------------------


def test_worked_tree_by_hand(tree):
    s = similarity(tree.distances(), gamma=1.0, min_similarity=-0.5)
    near, far = 1.5 * np.exp(-0.5) - 0.5, 1.5 * np.exp(-1) - 0.5
    assert s.dtype == np.float64
    np.testing.assert_allclose(s[0], [1, near, far, far], rtol=1e-15)
    np.testing.assert_array_equal(np.diagonal(s), 1.0)
    linear = similarity(tree, 1.0, -0.5, mapping="linear")
    np.testing.assert_allclose(linear[0], [1, 0.25, -0.5, -0.5])


@pytest.mark.parametrize("mapping", ["exponential", "linear"])
@pytest.mark.parametrize("seed", range(5))
def test_matches_loops_on_random_trees(seed, mapping):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, int(rng.integers(2, 20)))
    gamma, s_min = float(rng.uniform(0.1, 6)), float(rng.uniform(-1, 0.9))
    s = similarity(tree, gamma, s_min, mapping)
    np.testing.assert_allclose(
        s, brute_similarity(tree.distances().tolist(), gamma, s_min, mapping), rtol=1e-13
    )
    np.testing.assert_array_equal(s, s.T)


def test_only_ratios_of_distances_matter():
    d = np.array([[0, 2, 6], [2, 0, 6], [6, 6, 0]])
    np.testing.assert_allclose(similarity(d, 2.0, 0.1), similarity(d / 6.0, 2.0, 0.1), rtol=1e-15)


def test_extreme_gamma(tree):
    np.testing.assert_allclose(similarity(tree, 1e4, -1 / 3), 4 / 3 * np.eye(4) - 1 / 3)
    np.testing.assert_allclose(similarity(tree, 1e-12, 0.0), np.ones((4, 4)))


# Golden ------------------------------------------------------------------------------------------


@golden_cases("golden/frames.npz", "{case+}__smin")
def test_papers_numbers(golden, case):
    facts = golden("golden/frames.npz")
    tree, gamma = frame_case(facts, case)
    s_min = float(facts[f"{case}__smin"])
    assert min_similarity(tree, gamma, "grid") == s_min  # bit for bit
    assert min_similarity(tree.distances(), gamma, "grid") == s_min
    s = similarity(tree, gamma, s_min)
    np.testing.assert_allclose(s, facts[f"{case}__S"], rtol=1e-12, atol=1e-15)


@golden_cases("golden/frames.npz", "{name}__linear_S_smin_{s_min}")
def test_papers_linear_mapping(golden, benchmark_tree, name, s_min):
    s = similarity(benchmark_tree(name).distances(), 1.0, number(s_min), mapping="linear")
    expected = golden("golden/frames.npz")[f"{name}__linear_S_smin_{s_min}"]
    np.testing.assert_allclose(s, expected, rtol=1e-12, atol=1e-15)


@golden_cases("golden_ext/tree_{name}.npz")
def test_bounds_of_the_extensions(golden, name):
    facts = golden(f"golden_ext/tree_{name}.npz")
    tree, gamma = numbered_tree(facts), float(facts["gamma"])
    grid, exact = float(facts["s_min_grid"]), float(facts["s_min_exact"])
    assert min_similarity(tree, gamma, "grid", convention="subtree") == grid
    assert min_similarity(facts["D"], gamma, "grid") == grid
    for form in (tree, facts["D"]):
        found = min_similarity(form, gamma, "exact", convention="subtree")
        assert found == pytest.approx(exact, rel=1e-12)


@golden_cases("golden_ext/tree_{name}.npz", "S_{case}")
def test_similarities_of_the_extensions(golden, name, case):
    facts = golden(f"golden_ext/tree_{name}.npz")
    s_min = float(facts["s_min_grid"]) if case == "grid" else number(case)
    s = similarity(facts["D"], float(facts["gamma"]), s_min)
    np.testing.assert_allclose(s, facts[f"S_{case}"], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "gamma", "exact", "grid_index"),
    [
        ("fgvc_aircraft", 1.0, -0.614669, 60),
        ("cifar100", 2.0, -0.305739, 29),
        ("inaturalist2019", 5.0, -0.032024, 3),
        ("tiered_imagenet_h", 3.0, -0.079478, 7),
    ],
)
def test_bounds_of_the_papers_trees(benchmark_tree, name, gamma, exact, grid_index):
    tree = benchmark_tree(name)
    assert min_similarity(tree, gamma) == pytest.approx(exact, abs=5e-7)
    grid = np.linspace(-1 / (tree.num_classes - 1), -1, 100)
    assert min_similarity(tree, gamma, "grid") == grid[grid_index]


# The bound against eigenvalues -------------------------------------------------------------------


@pytest.mark.parametrize("mapping", ["exponential", "linear"])
@pytest.mark.parametrize("seed", range(15))
def test_grid_is_the_search_by_eigendecomposition(seed, mapping):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, int(rng.integers(2, 25)))
    gamma = float(np.exp(rng.uniform(-2, 2)))
    d = tree.distances()
    expected = brute_grid(d.tolist(), gamma, mapping)
    assert min_similarity(tree, gamma, "grid", mapping) == expected
    assert min_similarity(d, gamma, "grid", mapping) == expected


@pytest.mark.parametrize("mapping", ["exponential", "linear"])
@pytest.mark.parametrize("convention", ["depth", "subtree"])
@pytest.mark.parametrize("seed", range(10))
def test_exact_is_where_the_smallest_eigenvalue_vanishes(seed, convention, mapping):
    rng = np.random.default_rng(50 + seed)
    tree = random_tree(rng, int(rng.integers(2, 30)))
    gamma = float(np.exp(rng.uniform(-1, 1.5)))
    d = tree.distances(convention)
    s = min_similarity(tree, gamma, "exact", mapping, convention)
    assert s == pytest.approx(min_similarity(d, gamma, "exact", mapping), rel=1e-10)
    e = brute_similarity(d.tolist(), gamma, 0.0, mapping)
    assert s == pytest.approx(-1 / (np.linalg.inv(e).sum() - 1), rel=1e-9)
    at, above, below = (
        np.linalg.eigvalsh(brute_similarity(d.tolist(), gamma, x, mapping))[0]
        for x in (s, s + 1e-3, s - 1e-3)
    )
    assert abs(at) < 1e-12 * max(1, -s) and above > 1e-7 and below < -1e-7


@pytest.mark.parametrize("seed", range(5))
def test_distances_that_no_tree_has(seed):
    """Points on a line: exp(-distance) is positive definite, yet no ultrametric."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, 1, 8))
    d = np.abs(x[:, None] - x)
    assert min_similarity(d, 2.0, "grid") == brute_grid(d.tolist(), 2.0)
    s = min_similarity(d, 2.0)
    assert abs(np.linalg.eigvalsh(similarity(d, 2.0, s))[0]) < 1e-12


def test_no_grid_point_is_feasible():
    """Cosines so bent that M exceeds K: even -1/(K-1) is too low."""
    e = np.array([[1, 0.8, 0.3], [0.8, 1, 0.8], [0.3, 0.8, 1]])
    d, gamma = -np.log(e), -np.log(0.3)
    np.fill_diagonal(d, 0)
    np.testing.assert_allclose(similarity(d, gamma, 0.0), e)
    assert min_similarity(d, gamma) == pytest.approx(-0.25)
    assert brute_grid(d.tolist(), gamma) == float("inf")
    assert min_similarity(d, gamma, "grid") == float("inf")


def test_similarity_that_is_not_positive_definite():
    d = 1 - np.array([[1, 0.9, 0.1], [0.9, 1, 0.9], [0.1, 0.9, 1]])
    with pytest.raises(ValueError, match=r"not positive definite.*Distances of a tree"):
        min_similarity(d, 1.0, mapping="linear")


@pytest.mark.parametrize("k", [2, 3, 10, 1000])
@pytest.mark.parametrize("gamma", [0.3, 1.0, 20.0])
def test_flat_tree_gives_the_simplex(k, gamma):
    tree = kh.ClassTree([("r", f"c{i}") for i in range(k)])
    s = similarity(tree, gamma, min_similarity(tree, gamma))
    off = s[~np.eye(k, dtype=bool)]
    np.testing.assert_allclose(off, -1 / (k - 1), rtol=1e-9)


def test_two_classes(tree):
    pair = kh.ClassTree([("r", "a"), ("r", "b")])
    e = np.exp(-1.0)
    assert min_similarity(pair, 1.0) == pytest.approx(-(1 + e) / (1 - e))  # cosine -1
    assert min_similarity(pair, 1.0, "grid") == -1.0


@pytest.mark.parametrize("gamma", [1e-6, 1e-3, 30.0, 1e3, 1e6])
def test_bound_at_extreme_gamma(uneven_tree, gamma):
    s_min = min_similarity(uneven_tree, gamma)
    values = np.linalg.eigvalsh(similarity(uneven_tree, gamma, s_min))
    assert np.isfinite(s_min) and s_min < 0
    assert abs(values[0]) < 1e-8


def test_a_chain_above_the_top_branching_changes_nothing(uneven_tree):
    edges = [["world", "thing"], ["thing", "root"], *uneven_tree.get_config()["edges"]]
    deeper = kh.ClassTree(edges, uneven_tree.leaves)
    for method in ("exact", "grid"):
        for convention in ("depth", "subtree"):
            found = [
                min_similarity(t, 1.3, method, convention=convention) for t in (uneven_tree, deeper)
            ]
            assert found[0] == pytest.approx(found[1], rel=1e-14)


def test_label_order_does_not_matter(uneven_tree):
    edges = uneven_tree.get_config()["edges"]
    other = kh.ClassTree(edges, sorted(uneven_tree.leaves))
    assert min_similarity(other, 2.0, "grid") == min_similarity(uneven_tree, 2.0, "grid")
    assert min_similarity(other, 2.0) == pytest.approx(min_similarity(uneven_tree, 2.0), rel=1e-14)


# A number given by the user ----------------------------------------------------------------------


def test_resolve_words_and_numbers(tree):
    exact, grid = min_similarity(tree, 1.0), min_similarity(tree, 1.0, "grid")
    assert resolve_min_similarity(tree, 1.0, "exact") == exact
    assert resolve_min_similarity(tree, 1.0, "grid") == grid
    assert resolve_min_similarity(tree, 1.0, 0.25) == 0.25
    assert resolve_min_similarity(tree, 1.0, np.float32(0.25)) == 0.25
    assert resolve_min_similarity(tree, 1.0, 0) == 0.0
    assert resolve_min_similarity(tree, 1.0, exact) == exact
    assert resolve_min_similarity(tree, 1.0, exact - 1e-10) == exact  # rounding is forgiven


@pytest.mark.parametrize("value", [-50.0, 1.0, 3, np.nan, np.inf, -np.inf, None, True, [0.1]])
def test_a_number_out_of_range_names_the_bound(tree, value):
    bound = min_similarity(tree, 1.0)
    with pytest.raises(ValueError, match=rf"at least {bound:.6g} .*gamma=1\).*Received: "):
        resolve_min_similarity(tree, 1.0, value)


def test_just_below_the_bound_is_refused(tree):
    bound = min_similarity(tree, 1.0)
    with pytest.raises(ValueError, match=f"at least {bound:.6g}"):
        resolve_min_similarity(tree, 1.0, bound - 1e-6)


# Errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gamma", [0, -1, -1.0, np.nan, np.inf, "1", None, True, [1.0], 1j])
def test_bad_gamma(tree, gamma):
    for function in (
        lambda: similarity(tree, gamma, 0.0),
        lambda: min_similarity(tree, gamma),
        lambda: check_gamma(gamma),
    ):
        with pytest.raises(ValueError, match=r"`gamma` must be positive and finite. Received: "):
            function()


def test_gamma_types():
    assert check_gamma(np.float32(2)) == 2.0 and check_gamma(3) == 3.0
    assert type(check_gamma(np.int64(2))) is float
    assert check_gamma(None, "linear") == 0.0  # the linear mapping has no gamma


@pytest.mark.parametrize("s_min", [1.0, 2, np.nan, -np.inf, "grid", None])
def test_bad_min_similarity(tree, s_min):
    with pytest.raises(ValueError, match=r"`min_similarity` must be a number below 1.*Received: "):
        similarity(tree, 1.0, s_min)


def test_unknown_words(tree):
    with pytest.raises(ValueError, match=r"`mapping` must be one of .*Received: mapping='cosine'"):
        similarity(tree, 1.0, 0.0, mapping="cosine")
    with pytest.raises(ValueError, match="`mapping` must be one of"):
        min_similarity(tree, 1.0, mapping="cosine")
    with pytest.raises(ValueError, match=r"`method` must be 'exact' or 'grid'.*method='search'"):
        min_similarity(tree, 1.0, "search")
    with pytest.raises(ValueError, match="`method` must be 'exact' or 'grid'"):
        resolve_min_similarity(tree, 1.0, "auto")
    with pytest.raises(ValueError, match="`convention` must be one of"):
        min_similarity(tree, 1.0, convention="lca")


@pytest.mark.parametrize(
    ("distances", "match"),
    [
        (np.zeros(3), r"square \[K, K\] matrix, K >= 2. Received shape: \(3,\)"),
        (np.zeros((2, 3)), r"Received shape: \(2, 3\)"),
        ([[0]], r"Received shape: \(1, 1\)"),
        (np.zeros((2, 2)), "all zero"),
        ([[0, 1], [2, 0]], "symmetric"),
        ([[0, -1], [-1, 0]], "not negative"),
        ([[1, 2], [2, 1]], "zero diagonal"),
        ([[0, np.nan], [np.nan, 0]], "finite"),
        ([[0, np.inf], [np.inf, 0]], "finite"),
    ],
)
def test_bad_distances(distances, match):
    for function in (
        lambda: similarity(distances, 1.0, 0.0),
        lambda: min_similarity(distances, 1.0),
        lambda: check_distances(distances),
    ):
        with pytest.raises(ValueError, match=match):
            function()
