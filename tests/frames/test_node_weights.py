"""The similarity as a sum over nodes, and linear algebra with it, against dense matrices."""

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.frames import min_similarity, node_weights, similarity
from tests.golden import golden_cases, number, numbered_tree
from tests.trees import random_tree

CASES = [(m, c) for m in ("exponential", "linear") for c in ("depth", "subtree")]


def drawn(seed, low=2, high=30):
    rng = np.random.default_rng(seed)
    return random_tree(rng, int(rng.integers(low, high))), float(np.exp(rng.uniform(-1.5, 1.5)))


def block(tree, weights, node):
    """`S_n`: the sum over the nodes from `node` down, on the classes below it."""
    inside = tree.ancestors[node]
    s = np.zeros((inside.sum(),) * 2)
    for n in range(tree.num_nodes):
        below = tree.ancestors[n]
        if not (below & ~inside).any() and (n == node or node in above(tree, n)):
            one = below[inside].astype(float)
            s += weights[n] * np.outer(one, one)
    return s


def above(tree, node):
    found = []
    while tree.parents[node] >= 0:
        node = int(tree.parents[node])
        found.append(node)
    return found


def test_worked_tree_by_hand(tree):
    w = node_weights.node_weights(tree, 1.0, -0.5)
    half, one = np.exp(-0.5), np.exp(-1.0)
    expected = [1.5 * (1 - half)] * 4 + [1.5 * (half - one)] * 2 + [1.5 * one - 0.5]
    np.testing.assert_allclose(w, expected, rtol=1e-14)
    linear = node_weights.node_weights(tree, 1.0, -0.5, mapping="linear")
    np.testing.assert_allclose(linear, [0.75] * 6 + [-0.5], rtol=1e-14)
    assert node_weights.largest_distance(tree) == 2


@pytest.mark.parametrize(("mapping", "convention"), CASES)
@pytest.mark.parametrize("seed", range(8))
def test_the_weights_sum_to_the_similarity(seed, mapping, convention):
    tree, gamma = drawn(seed)
    for s_min in (0.0, 0.4, min_similarity(tree, gamma, "exact", mapping, convention)):
        w = node_weights.node_weights(tree, gamma, s_min, mapping, convention)
        s = sum(w[n] * np.outer(tree.ancestors[n], tree.ancestors[n]) for n in range(len(w)))
        expected = similarity(tree.distances(convention), gamma, s_min, mapping)
        np.testing.assert_allclose(s, expected, atol=1e-13 * max(1, abs(s_min)))


@pytest.mark.parametrize(("mapping", "convention"), CASES)
@pytest.mark.parametrize("seed", range(8))
def test_only_the_root_may_weigh_less_than_nothing(seed, mapping, convention):
    tree, gamma = drawn(seed)
    s_min = min_similarity(tree, gamma, "exact", mapping, convention)
    w = node_weights.node_weights(tree, gamma, s_min, mapping, convention)
    assert (w[: tree.num_classes] > 0).all() and (w[:-1] >= 0).all() and w[-1] < 0


def test_weights_keep_their_digits_at_small_gamma(uneven_tree):
    """A difference of cosines near 1 by plain subtraction would lose 12 of 16 digits."""
    gamma = 1e-12
    w = node_weights.node_weights(uneven_tree, gamma, 0.0)
    t = uneven_tree.node_heights() / 4
    first_order = gamma * (t[uneven_tree.parents[:-1]] - t[:-1])
    np.testing.assert_allclose(w[:-1], first_order, rtol=1e-11)


@golden_cases("golden_ext/tree_{name}.npz", "nodew_{case}")
def test_weights_of_the_extensions(golden, name, case):
    facts = golden(f"golden_ext/tree_{name}.npz")
    tree = numbered_tree(facts)
    s_min = facts["s_min_grid"] if case == "grid" else number(case)
    w = node_weights.node_weights(tree, float(facts["gamma"]), float(s_min), convention="subtree")
    found = w[[tree.index(str(n)) for n in range(tree.num_nodes)]]
    expected = facts[f"nodew_{case}"]
    # How the weight of a single-child chain at the top is shared out is a matter of taste: all its
    # nodes cover all classes.
    top = facts["ancestor"].all(axis=1)
    np.testing.assert_allclose(found[~top], expected[~top], rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(found[top].sum(), expected[top].sum(), rtol=1e-10)


@pytest.mark.parametrize("convention", ["depth", "subtree"])
@pytest.mark.parametrize("seed", range(10))
def test_largest_distance(seed, convention):
    tree, _ = drawn(seed)
    assert node_weights.largest_distance(tree, convention) == tree.distances(convention).max()


def test_largest_distance_below_a_chain(tree):
    edges = [["world", "vehicle"], *tree.get_config()["edges"]]
    deeper = kh.ClassTree(edges, tree.leaves)
    assert deeper.height == 3 and node_weights.largest_distance(deeper) == 2
    w = node_weights.node_weights(deeper, 1.0, 0.0)
    assert w[deeper.index("vehicle")] == 0.0 and w[-1] == pytest.approx(np.exp(-1))


@pytest.mark.parametrize("seed", range(5))
def test_nodes_by_depth(seed):
    tree, _ = drawn(seed)
    found = tree.by_depth
    assert len(found) == tree.height + 1 and found[0].tolist() == [tree.num_nodes - 1]
    for depth, nodes in enumerate(found):
        assert nodes.tolist() == [n for n in range(tree.num_nodes) if tree.depths[n] == depth]


@pytest.mark.parametrize(("mapping", "convention"), CASES)
@pytest.mark.parametrize("seed", range(5))
def test_masses_of_every_block(seed, mapping, convention):
    tree, gamma = drawn(seed, high=16)
    w = node_weights.node_weights(tree, gamma, 0.05, mapping, convention)
    below, whole = node_weights.masses(tree, w)
    for node in range(tree.num_nodes):
        expected = np.linalg.inv(block(tree, w, node)).sum()
        assert whole[node] == pytest.approx(expected, rel=1e-9)
    for node in range(tree.num_classes, tree.num_nodes):
        children = np.flatnonzero(tree.parents == node)
        assert below[node] == pytest.approx(whole[children].sum(), rel=1e-12)


def test_mass_of_a_singular_similarity_is_infinite_or_huge(tree):
    s_min = min_similarity(tree, 1.0)
    _, whole = node_weights.masses(tree, node_weights.node_weights(tree, 1.0, s_min))
    assert whole[-1] > 1e14 and np.isfinite(whole[:-1]).all()
    _, whole = node_weights.masses(tree, node_weights.node_weights(tree, 1.0, s_min - 1e-3))
    assert whole[-1] == np.inf  # never a negative mass


@pytest.mark.parametrize(("mapping", "convention"), CASES)
@pytest.mark.parametrize("seed", range(10))
def test_solve_ones(seed, mapping, convention):
    tree, gamma = drawn(20 + seed)
    for s_min in (0.0, 0.3, 0.5 * min_similarity(tree, gamma, "exact", mapping, convention)):
        w = node_weights.node_weights(tree, gamma, s_min, mapping, convention)
        total, norm2 = node_weights.solve_ones(tree, w)
        s = similarity(tree.distances(convention), gamma, s_min, mapping)
        solution = np.linalg.solve(s, np.ones(len(s)))
        assert total == pytest.approx(solution.sum(), rel=1e-8)
        assert norm2 == pytest.approx(solution @ solution, rel=1e-8)


def test_flat_tree_in_closed_form():
    tree = kh.ClassTree([("r", f"c{i}") for i in range(5)])
    e = np.exp(-2.0)
    total, norm2 = node_weights.solve_ones(tree, node_weights.node_weights(tree, 2.0, 0.0))
    assert total == pytest.approx(5 / (1 + 4 * e)) and norm2 == pytest.approx(total**2 / 5)
