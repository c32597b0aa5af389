"""The structured frame against dense matrices, the papers' numbers and the similarity."""

import functools
import itertools

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.frames import TreeFrame, hierarchy_aware_frame, min_similarity, similarity
from tests.golden import frame_case, golden_cases, number, numbered_tree
from tests.trees import random_tree


def gram_error(frame, target):
    return float(np.abs(frame @ frame.T - target).max())


@functools.cache
def huge_tree():
    """100,000 classes, ten of them just below the root, in shuffled label order."""
    rng = np.random.default_rng(5)
    nodes, edges, depth = [f"c{i}" for i in range(100_000)], [], 0
    while len(nodes) > 1:
        groups = max(1, len(nodes) // 7)
        group = rng.integers(0, groups, len(nodes))
        group[:groups] = np.arange(groups)
        edges += [(f"d{depth}g{g}", n) for g, n in zip(group, nodes)]
        nodes = [f"d{depth}g{g}" for g in range(groups)]
        depth += 1
    edges += [(nodes[0], f"high{i}") for i in range(10)]  # so that the depths are uneven
    leaves = [child for _, child in edges if child[0] in "ch"]
    return kh.ClassTree(edges, [leaves[i] for i in rng.permutation(len(leaves))])


# Against the similarity --------------------------------------------------------------------------


def test_worked_tree_by_hand(tree):
    frame = TreeFrame(tree, 1.0, -0.5)
    near, far = 1.5 * np.exp(-0.5) - 0.5, 1.5 * np.exp(-1) - 0.5
    w = frame.dense()
    gram = [[1, near, far, far], [near, 1, far, far], [far, far, 1, near], [far, far, near, 1]]
    np.testing.assert_allclose(w @ w.T, gram, atol=1e-15)
    # Coordinate 0 is shared by all, coordinate 1 parts land from air, 2 and 3 part siblings.
    assert (np.abs(w) > 1e-12).tolist() == [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 0, 1], [1, 1, 0, 1]]
    assert np.ptp(w[:, 0]) < 1e-15
    assert w[0, 1] == pytest.approx(w[1, 1]) and w[0, 1] == pytest.approx(-w[2, 1])
    assert w[0, 2] == pytest.approx(-w[1, 2]) and w[2, 3] == pytest.approx(-w[3, 3])


@pytest.mark.parametrize("mapping", ["exponential", "linear"])
@pytest.mark.parametrize("convention", ["depth", "subtree"])
@pytest.mark.parametrize("seed", range(25))
def test_random_trees(seed, convention, mapping):
    """100 trees: positive, zero and negative weight of the root, and the singular limit."""
    rng = np.random.default_rng([seed, convention == "depth", mapping == "linear"])
    tree = random_tree(rng, int(rng.integers(2, 45)))
    gamma = float(np.exp(rng.uniform(-2, 2)))
    d = tree.distances(convention)
    bound = min_similarity(tree, gamma, "exact", mapping, convention)
    for s_min in ("exact", "grid", 0.0, 0.3, 0.5 * bound, bound * (1 - 1e-9)):
        frame = TreeFrame(tree, gamma, s_min, convention=convention, mapping=mapping)
        if not isinstance(s_min, str):
            assert frame.min_similarity == s_min
        target = similarity(d, gamma, frame.min_similarity, mapping)
        w = frame.dense()
        scale = max(1.0, -frame.min_similarity)
        assert w.shape == (tree.num_classes,) * 2 and w.dtype == np.float64
        assert gram_error(w, target) < 2e-14 * scale * max(1.0, 1.0 / gamma) + (
            2e-6 if s_min == "grid" else 0.0  # a grid point up to 1e-6 below the bound
        )
        x = rng.standard_normal((3, tree.num_classes))
        np.testing.assert_allclose(frame.matvec(x), x @ w.T, atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_same_geometry_as_the_dense_frame(seed):
    """The two differ by a rotation of the features only."""
    rng = np.random.default_rng(400 + seed)
    tree = random_tree(rng, int(rng.integers(3, 25)))
    structured = TreeFrame(tree, 1.5, 0.1).dense()
    dense = hierarchy_aware_frame(similarity(tree, 1.5, 0.1), seed=seed)
    turn = np.linalg.solve(dense, structured)
    np.testing.assert_allclose(turn @ turn.T, np.eye(len(turn)), atol=1e-10)


@pytest.mark.parametrize("seed", range(10))
def test_at_the_exact_bound_the_root_coordinate_is_empty(seed):
    rng = np.random.default_rng(500 + seed)
    tree = random_tree(rng, int(rng.integers(2, 30)))
    frame = TreeFrame(tree, 1.0, "exact")
    w = frame.dense()
    assert np.abs(w[:, 0]).max() < 1e-6
    values = np.linalg.eigvalsh(w @ w.T)
    assert abs(values[0]) < 1e-12 and (len(values) == 2 or values[1] > 1e-6)
    np.testing.assert_allclose(np.linalg.norm(w, axis=1), 1.0, rtol=1e-12)


@pytest.mark.parametrize("s_min", ["exact", 0.2])
def test_determinant(uneven_tree, s_min):
    """|W|^2 = |S|: nothing is lost and nothing added."""
    frame = TreeFrame(uneven_tree, 1.2, s_min)
    s = similarity(uneven_tree, 1.2, frame.min_similarity)
    found, expected = np.linalg.det(frame.dense()) ** 2, np.linalg.det(s)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_flat_tree_is_the_simplex():
    tree = kh.ClassTree([("r", f"c{i}") for i in range(9)])
    w = TreeFrame(tree, 3.0).dense()
    np.testing.assert_allclose(w @ w.T, 9 / 8 * np.eye(9) - 1 / 8, atol=1e-14)
    np.testing.assert_allclose(w.sum(axis=0), 0.0, atol=1e-7)


def test_two_classes():
    tree = kh.ClassTree([("r", "a"), ("r", "b")])
    np.testing.assert_allclose(
        (w := TreeFrame(tree, 1.0).dense()) @ w.T, [[1, -1], [-1, 1]], atol=1e-14
    )


@pytest.mark.parametrize("gamma", [1e-4, 1e-2, 30.0, 1e3])
def test_extreme_gamma(uneven_tree, gamma):
    frame = TreeFrame(uneven_tree, gamma)
    target = similarity(uneven_tree, gamma, frame.min_similarity)
    assert gram_error(frame.dense(), target) < 1e-10


def test_deep_chain_and_caterpillar():
    links = [f"n{i}" for i in range(500)]
    edges = [*itertools.pairwise(links), ("n499", "a"), ("n499", "b"), ("n250", "m")]
    edges += [(f"n{i}", f"c{i}") for i in range(0, 500, 5)]
    tree = kh.ClassTree(edges)
    for convention in ("depth", "subtree"):
        frame = TreeFrame(tree, 2.0, "exact", convention=convention)
        target = similarity(tree.distances(convention), 2.0, frame.min_similarity)
        assert gram_error(frame.dense(), target) < 1e-12


# Golden ------------------------------------------------------------------------------------------


@golden_cases("golden/frames.npz", "{case+}__smin")
def test_papers_numbers(golden, case):
    facts = golden("golden/frames.npz")
    frame = TreeFrame(*frame_case(facts, case), "grid")
    assert frame.min_similarity == float(facts[f"{case}__smin"])
    w = frame.dense()
    assert gram_error(w, facts[f"{case}__S"]) < 1e-13
    if f"{case}__gram" in facts:
        assert gram_error(w, facts[f"{case}__gram"]) < 1e-12
    if f"{case}__gram_rows0to4" in facts:
        rows = facts[f"{case}__gram_rows0to4"]
        np.testing.assert_allclose(w[: len(rows)] @ w.T, rows, rtol=1e-9, atol=1e-12)


@golden_cases("golden/frames.npz", "{name}__linear_S_smin_{s_min}")
def test_papers_linear_mapping(golden, benchmark_tree, name, s_min):
    w = TreeFrame(benchmark_tree(name), 1.0, number(s_min), mapping="linear").dense()
    assert gram_error(w, golden("golden/frames.npz")[f"{name}__linear_S_smin_{s_min}"]) < 1e-13


@golden_cases("golden_ext/tree_{name}.npz", "S_{case}")
def test_trees_of_the_extensions(golden, name, case):
    facts = golden(f"golden_ext/tree_{name}.npz")
    s_min = case if case == "grid" else number(case)
    frame = TreeFrame(numbered_tree(facts), float(facts["gamma"]), s_min, convention="subtree")
    if case == "grid":
        assert frame.min_similarity == float(facts["s_min_grid"])
    w = frame.dense()
    assert gram_error(w, facts[f"S_{case}"]) < 1e-12
    for theirs in (facts[f"Wref_{case}"], facts[f"Wwav_{case}"].T):
        assert gram_error(w, theirs @ theirs.T) < 1e-11
    np.testing.assert_allclose(np.linalg.eigvalsh(w @ w.T), facts[f"eig_{case}"], atol=1e-11)


@golden_cases("golden_ext/tree_{name}.npz")
def test_singular_limit_of_the_extensions(golden, name):
    facts = golden(f"golden_ext/tree_{name}.npz")
    frame = TreeFrame(numbered_tree(facts), float(facts["gamma"]), convention="subtree")
    assert frame.min_similarity == pytest.approx(float(facts["s_min_exact"]), rel=1e-12)
    target = similarity(facts["D"], float(facts["gamma"]), frame.min_similarity)
    assert gram_error(frame.dense(), target) < 1e-13


# Products ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [0, 1, 5])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_matvec(uneven_tree, batch, dtype):
    frame = TreeFrame(uneven_tree, 1.0)
    x = np.random.default_rng(0).integers(-9, 9, (batch, 7)).astype(dtype)
    before = x.copy()
    out = frame.matvec(x)
    assert out.shape == (batch, 7) and out.dtype == np.float64
    np.testing.assert_allclose(out, x @ frame.dense().T, atol=1e-13)
    np.testing.assert_array_equal(x, before)  # the input is not written to
    if batch:
        np.testing.assert_array_equal(frame.matvec(x.tolist()), out)


def test_matvec_of_huge_and_empty_features(tree):
    frame = TreeFrame(tree, 1.0, 0.0)
    np.testing.assert_array_equal(frame.matvec(np.zeros((2, 4))), np.zeros((2, 4)))
    x = np.full((1, 4), 1e300)
    np.testing.assert_allclose(frame.matvec(x) / 1e300, np.ones((1, 4)) @ frame.dense().T)


@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 5), (1, 2, 4)])
def test_matvec_of_the_wrong_shape(tree, shape):
    with pytest.raises(ValueError, match=r"`x` must have shape \[B, 4\]. Received shape: \("):
        TreeFrame(tree, 1.0).matvec(np.zeros(shape))


def test_label_order_only_permutes_rows(uneven_tree):
    names = sorted(uneven_tree.leaves)
    other = kh.ClassTree(uneven_tree.get_config()["edges"], names)
    a, b = TreeFrame(uneven_tree, 1.0).dense(), TreeFrame(other, 1.0).dense()
    place = [names.index(n) for n in uneven_tree.leaves]
    np.testing.assert_allclose(a @ a.T, (b @ b.T)[np.ix_(place, place)], atol=1e-14)


# 100,000 classes ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_hundred_thousand_classes():
    tree = huge_tree()
    k = tree.num_classes
    assert k == 100_010 and tree.height >= 6
    frame = TreeFrame(tree, 2.0, "exact")
    assert frame.num_classes == k and -1 < frame.min_similarity < 0
    # No array of the frame is longer than the tree has nodes.
    sizes = [np.size(part) for level in frame.levels for part in level]
    assert max(sizes) <= tree.num_nodes and sum(sizes) < 12 * tree.num_nodes

    rng = np.random.default_rng(1)
    sampled = rng.choice(k, 4, replace=False).tolist()
    group = tree.parents[sampled[0]]
    sampled += np.flatnonzero(tree.parents[:k] == group)[:2].tolist()  # near siblings
    sampled.append(tree.index("high0"))
    sampled = sorted(set(sampled))

    # Rows of W from products with unit vectors. A row has entries only in the columns of the
    # nodes above its class; that none is missed shows in the rows having norm 1.
    columns = columns_above(tree, sampled)
    rows = []
    for part in np.array_split(columns, max(1, len(columns) // 50)):
        unit = np.zeros((len(part), k))
        unit[np.arange(len(part)), part] = 1.0
        rows.append(frame.matvec(unit)[:, sampled].T)
    rows = np.concatenate(rows, axis=1)
    d = np.array([[pair_distance(tree, i, j) for j in sampled] for i in sampled])
    target = (1 - frame.min_similarity) * np.exp(-2.0 * d / tree.height) + frame.min_similarity
    assert len(set(d.ravel().tolist())) >= 3
    np.testing.assert_allclose(rows @ rows.T, target, atol=1e-12)


def pair_distance(tree, i, j):
    a, b = tree.path(i), tree.path(j)
    shared = sum(x == y for x, y in zip(a, b))
    return 0 if i == j else tree.height - (shared - 1)


def columns_above(tree, classes):
    """Column 0 and the details of the nodes above the classes, as `TreeFrame` documents them.

    Details come from the root downwards: level by level, and in a level parent by parent.
    """
    children = np.bincount(tree.parents[:-1], minlength=tree.num_nodes)
    wanted = set(tree.paths[classes].ravel().tolist())
    below = [[] for _ in range(tree.num_nodes)]
    for node, parent in enumerate(tree.parents[:-1].tolist()):
        below[parent].append(node)
    found, used, parents = [0], 1, [tree.num_nodes - 1]
    while parents:
        for parent in parents:
            details = int(children[parent]) - 1
            if parent in wanted:
                found += range(used, used + details)
            used += details
        parents = [c for p in parents for c in below[p] if below[c]]
    assert used == tree.num_classes
    return np.array(found)


# Errors ------------------------------------------------------------------------------------------


def test_takes_a_configuration_too(tree):
    np.testing.assert_array_equal(
        TreeFrame(tree.get_config(), 1.0).dense(), TreeFrame(tree, 1.0).dense()
    )


def test_below_the_bound_names_the_bound(tree):
    bound = min_similarity(tree, 1.0)
    with pytest.raises(ValueError, match=f"`min_similarity` must be at least {bound:.6g} .*-9.5"):
        TreeFrame(tree, 1.0, -9.5)


@pytest.mark.parametrize(
    ("args", "match"),
    [
        ((0.0,), "`gamma` must be positive"),
        ((-1,), r"`gamma` must be positive and finite. Received: gamma=-1"),
        ((1.0, 1.0), "below 1"),
        ((1.0, "best"), "must be 'exact' or 'grid'"),
        ((1.0, None), "Received: None"),
    ],
)
def test_bad_arguments(tree, args, match):
    with pytest.raises(ValueError, match=match):
        TreeFrame(tree, *args)


def test_unknown_words(tree):
    with pytest.raises(ValueError, match="`convention` must be one of"):
        TreeFrame(tree, 1.0, convention="lca")
    with pytest.raises(ValueError, match="`mapping` must be one of"):
        TreeFrame(tree, 1.0, mapping="cubic")


def test_not_a_tree():
    with pytest.raises(ValueError, match=r"must be a keras_haframe.ClassTree"):
        TreeFrame(np.eye(3), 1.0)
