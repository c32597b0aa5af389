"""Arrays of a tree against walks over its edges, the papers' distance files and golden trees."""

import functools
import itertools

import numpy as np
import pytest

import keras_haframe as kh
from tests.golden import golden_cases, numbered_tree
from tests.trees import random_tree


def parent_map(tree):
    return {child: parent for parent, child in tree.edges}


def chain(parent_of, node):
    """The node and all above it, by walking parents."""
    names = [node]
    while names[-1] in parent_of:
        names.append(parent_of[names[-1]])
    return names


def walk_distance(parent_of, leaves, a, b, convention):
    """Height of the LCA of two classes, by walking up from both."""
    if a == b:
        return 0
    above_b = set(chain(parent_of, b))
    lca = next(n for n in chain(parent_of, a) if n in above_b)
    if convention == "depth":
        height = max(len(chain(parent_of, leaf)) - 1 for leaf in leaves)
        return height - (len(chain(parent_of, lca)) - 1)
    below = [chain(parent_of, leaf) for leaf in leaves]
    return max(names.index(lca) for names in below if lca in names)


def brute_distances(tree, convention):
    parent_of = parent_map(tree)
    return np.array(
        [
            [walk_distance(parent_of, tree.leaves, a, b, convention) for b in tree.leaves]
            for a in tree.leaves
        ]
    )


def first_appearance(labels):
    """The same partition, numbered by first appearance."""
    number = {}
    return np.array([number.setdefault(x, len(number)) for x in np.asarray(labels).tolist()])


@functools.cache
def ten_thousand_classes():
    """10,000 classes in a random order below 1,000, 50 and 4 groups; one class hangs higher up."""
    rng = np.random.default_rng(7)
    sizes = [(10_000, "c"), (1_000, "g"), (50, "h"), (4, "i"), (1, "r")]
    edges = []
    for (below, b), (above, a) in itertools.pairwise(sizes):
        parent = np.r_[np.arange(above), rng.integers(0, above, below - above)]
        edges += [(f"{a}{p}", f"{b}{i}") for i, p in enumerate(parent)]
    edges.append(("i0", "lone"))
    leaves = [f"c{i}" for i in rng.permutation(10_000)]
    leaves.insert(5_000, "lone")
    return kh.ClassTree(edges, leaves)


# The worked tree, by hand ------------------------------------------------------------------------


def test_worked_tree_by_hand(tree):
    assert tree.distances().tolist() == [[0, 1, 2, 2], [1, 0, 2, 2], [2, 2, 0, 1], [2, 2, 1, 0]]
    assert tree.level_labels().tolist() == [[0, 0], [1, 0], [2, 1], [3, 1]]
    assert tree.paths.tolist() == [[6, 4, 0], [6, 4, 1], [6, 5, 2], [6, 5, 3]]
    assert tree.ancestors.astype(int).tolist() == [
        [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1],
        [1, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1],
    ]  # fmt: skip
    assert tree.node_heights().tolist() == [0, 0, 0, 0, 1, 1, 2]
    order, start, stop = tree.leaf_ranges
    assert order.tolist() == [0, 1, 2, 3]
    assert start.tolist() == [0, 1, 2, 3, 0, 2, 0]
    assert stop.tolist() == [1, 2, 3, 4, 2, 4, 4]


def test_uneven_tree_by_hand(uneven_tree):
    # Labels: l1 c0 e a0 l0 b0 c1; height 4; "e" hangs below the root, c0 and c1 at depth 4.
    d = uneven_tree.distances()
    assert (d[0, 4], d[1, 6], d[1, 5], d[1, 3], d[2, 5]) == (2, 1, 2, 3, 4)
    s = uneven_tree.distances("subtree")
    assert (s[0, 4], s[1, 6], s[1, 5], s[1, 3], s[2, 5]) == (1, 1, 2, 3, 4)
    assert uneven_tree.level_labels()[:, -1].tolist() == [0, 1, 2, 1, 0, 1, 1]
    assert uneven_tree.level_labels()[2].tolist() == [2, 2, 2, 2]


def test_the_two_conventions_differ_where_depths_do(uneven_tree, tree):
    assert (uneven_tree.distances() != uneven_tree.distances("subtree")).any()
    assert (tree.distances() == tree.distances("subtree")).all()


# Random trees against walks ----------------------------------------------------------------------


@pytest.mark.parametrize("convention", ["depth", "subtree"])
@pytest.mark.parametrize("seed", range(12))
def test_distances_match_walks(seed, convention):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, int(rng.integers(2, 30)))
    d = tree.distances(convention)
    assert d.dtype == np.int16
    np.testing.assert_array_equal(d, brute_distances(tree, convention))


@pytest.mark.parametrize("seed", range(8))
def test_paths_ancestors_and_levels_match_walks(seed):
    rng = np.random.default_rng(100 + seed)
    tree = random_tree(rng, int(rng.integers(2, 25)))
    parent_of = parent_map(tree)
    above = [chain(parent_of, leaf)[::-1] for leaf in tree.leaves]
    assert tree.height == max(map(len, above)) - 1
    for k, names in enumerate(above):
        expected = [names[min(t, len(names) - 1)] for t in range(tree.height + 1)]
        assert [tree.nodes[i] for i in tree.paths[k]] == expected
        assert {tree.nodes[i] for i in np.flatnonzero(tree.ancestors[:, k])} == set(names)
    labels = tree.level_labels()
    assert labels.shape == (tree.num_classes, tree.height)
    for c in range(tree.height):
        ids = first_appearance([names[min(tree.height - c, len(names) - 1)] for names in above])
        np.testing.assert_array_equal(labels[:, c], ids)
    np.testing.assert_array_equal(labels[:, 0], np.arange(tree.num_classes))


@pytest.mark.parametrize("seed", range(8))
def test_leaf_ranges_cover_exactly_the_classes_below(seed):
    rng = np.random.default_rng(200 + seed)
    tree = random_tree(rng, int(rng.integers(2, 40)))
    order, start, stop = tree.leaf_ranges
    assert sorted(order.tolist()) == list(range(tree.num_classes))
    for node in range(tree.num_nodes):
        below = set(np.flatnonzero(tree.ancestors[node]).tolist())
        assert set(order[start[node] : stop[node]].tolist()) == below


@pytest.mark.parametrize("seed", range(4))
def test_lca_table_of_any_values(seed):
    rng = np.random.default_rng(300 + seed)
    tree = random_tree(rng, 15)
    values = rng.standard_normal(tree.num_nodes)
    table = tree.lca_table(values)
    parent_of = parent_map(tree)
    for i, a in enumerate(tree.leaves):
        for j, b in enumerate(tree.leaves):
            above_b = set(chain(parent_of, b))
            lca = next(n for n in chain(parent_of, a) if n in above_b)
            assert table[i, j] == values[tree.nodes.index(lca)]


def test_lca_table_wants_one_value_per_node(tree):
    with pytest.raises(ValueError, match=r"shape \[7\]. Received shape: \(4,\)"):
        tree.lca_table(np.zeros(4))


@pytest.mark.parametrize("method", ["node_heights", "distances"])
def test_unknown_convention(tree, method):
    with pytest.raises(ValueError, match=r"`convention` must be one of .*Received: 'lca'"):
        getattr(tree, method)("lca")


# Golden trees ------------------------------------------------------------------------------------


@golden_cases("hierarchies/{name}_lca_heights.npz")
def test_distances_of_the_papers(golden, benchmark_tree, name):
    facts = golden(f"hierarchies/{name}_lca_heights.npz")
    tree = benchmark_tree(name)
    np.testing.assert_array_equal(tree.distances(), facts["lca_heights"])
    np.testing.assert_array_equal(tree.distances("subtree"), facts["lca_subtree_heights"])
    np.testing.assert_array_equal(tree.depths[: tree.num_classes], facts["leaf_depths"])


@golden_cases("hierarchies/{name}_lca_heights.npz")
def test_level_labels_of_the_papers(golden, benchmark_tree, name):
    ids = golden(f"hierarchies/{name}_lca_heights.npz")["level_ids"]
    labels = benchmark_tree(name).level_labels()
    height = labels.shape[1]
    np.testing.assert_array_equal(labels[:, 0], ids[:, 0])
    for c in range(height):
        np.testing.assert_array_equal(labels[:, c], first_appearance(ids[:, c]))
    assert all(len(set(ids[:, c].tolist())) == 1 for c in range(height, ids.shape[1]))  # the root


@golden_cases("golden_ext/tree_{name}.npz")
def test_trees_of_the_extensions(golden, name):
    facts = golden(f"golden_ext/tree_{name}.npz")
    parent = facts["parent"]
    tree = numbered_tree(facts)
    number = np.array([tree.index(str(n)) for n in range(len(parent))])
    assert tree.root == str(int(np.flatnonzero(parent < 0)[0]))
    for n, p in enumerate(parent):
        assert tree.parents[number[n]] == (-1 if p < 0 else number[p])
    np.testing.assert_array_equal(tree.node_heights("subtree")[number], facts["height"])
    np.testing.assert_array_equal(tree.ancestors[number], facts["ancestor"].astype(bool))
    np.testing.assert_array_equal(tree.distances("subtree"), facts["D"])


@golden_cases("golden/frames.npz", "{name}__D")
def test_distances_of_other_trees(golden, benchmark_tree, name):
    expected = golden("golden/frames.npz")[f"{name}__D"]
    np.testing.assert_array_equal(benchmark_tree(name).distances(), expected)


# Many classes, great depth -----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("convention", ["depth", "subtree"])
def test_ten_thousand_classes(convention):
    tree = ten_thousand_classes()
    assert tree.num_classes == 10_001
    d = tree.distances(convention)
    assert d.shape == (10_001, 10_001) and d.dtype == np.int16
    assert not np.diagonal(d).any()
    parent_of = parent_map(tree)
    heights = {}  # by walking up from every class once
    for leaf in tree.leaves:
        for h, node in enumerate(chain(parent_of, leaf)):
            heights[node] = max(heights.get(node, 0), h)
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 10_001, (400, 2)).tolist()
    pairs += [(5_000, j) for j in range(0, 10_001, 500)]  # the lone class
    order = np.argsort(tree.parents[: tree.num_classes], kind="stable")
    pairs += [(int(order[i]), int(order[i + 1])) for i in range(0, 10_000, 100)]  # near siblings
    for i, j in pairs:
        above_j = set(chain(parent_of, tree.leaves[j]))
        lca = next(n for n in chain(parent_of, tree.leaves[i]) if n in above_j)
        deep = 4 - (len(chain(parent_of, lca)) - 1)
        expected = 0 if i == j else deep if convention == "depth" else heights[lca]
        assert d[i, j] == d[j, i] == expected
    # How many pairs there are at every distance, from the sizes of the groups.
    sizes = {n: 0 for n in tree.nodes}
    for leaf in tree.leaves:
        for node in chain(parent_of, leaf):
            sizes[node] += 1
    within = {h: 0 for h in range(1, 5)}
    for child, parent in parent_of.items():
        within[4 - (len(chain(parent_of, parent)) - 1)] -= sizes[child] ** 2
    for node in tree.nodes[tree.num_classes :]:
        within[4 - (len(chain(parent_of, node)) - 1)] += sizes[node] ** 2
    if convention == "depth":
        found = np.bincount(d.ravel(), minlength=5)
        assert {h: int(found[h]) for h in within} == within


def test_deep_chain():
    """Two classes below a chain of 3,000 single children, a third at the root."""
    links = [f"n{i}" for i in range(3_000)]
    edges = [*itertools.pairwise(links), ("n2999", "a"), ("n2999", "b"), ("n0", "c")]
    tree = kh.ClassTree(edges, ["c", "b", "a"])
    assert tree.height == 3_000
    assert tree.distances().tolist() == [[0, 3_000, 3_000], [3_000, 0, 1], [3_000, 1, 0]]
    assert tree.distances("subtree").tolist() == tree.distances().tolist()
    assert tree.paths.shape == (3, 3_001)
    assert len(tree.path("a")) == 3_001
    assert tree.level_labels()[:, -1].tolist() == [0, 1, 1]


def test_heights_beyond_int16():
    links = [f"n{i}" for i in range(33_000)]
    tree = kh.ClassTree([*itertools.pairwise(links), (links[-1], "a"), ("n0", "b")])
    assert tree.distances().tolist() == [[0, 33_000], [33_000, 0]]


def test_caterpillar():
    """Every inner node has one class and one inner node: depth of the order of K."""
    k = 300
    edges = [(f"i{n}", f"c{n}") for n in range(k - 1)]
    edges += [(f"i{n}", f"i{n + 1}") for n in range(k - 2)] + [(f"i{k - 2}", f"c{k - 1}")]
    tree = kh.ClassTree(edges)
    i, j = np.indices((k, k))
    rank = np.array([int(n[1:]) for n in tree.leaves])
    meet = np.minimum(rank[i], rank[j])
    np.testing.assert_array_equal(tree.distances(), np.where(i == j, 0, k - 1 - meet))


def test_flat_tree():
    tree = kh.ClassTree([("r", c) for c in "abcd"])
    np.testing.assert_array_equal(tree.distances(), 1 - np.eye(4))
    assert tree.level_labels().tolist() == [[0], [1], [2], [3]]


def test_a_chain_above_the_first_branching_does_not_change_distances(tree):
    edges = [["earth", "thing"], ["thing", "vehicle"], *tree.edges]
    deeper = kh.ClassTree(edges, tree.leaves)
    assert deeper.height == tree.height + 2
    np.testing.assert_array_equal(deeper.distances(), tree.distances())
    np.testing.assert_array_equal(deeper.distances("subtree"), tree.distances())
