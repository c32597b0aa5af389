"""Trees from hypernym graphs, in which a node may have several parents."""

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.tree import hypernyms

# entity -> object -> {artifact, living}; "seaplane" is a plane (deep) and a boat (shallow).
PAIRS = [
    ("entity", "object"), ("object", "artifact"), ("object", "living"), ("artifact", "craft"),
    ("craft", "plane"), ("plane", "seaplane"), ("artifact", "boat"), ("boat", "seaplane"),
    ("plane", "jet"), ("boat", "canoe"), ("living", "animal"), ("animal", "cat"),
    ("living", "moss"), ("animal", "unused"),
]  # fmt: skip
LEAVES = ["cat", "seaplane", "jet", "canoe"]


def test_without_pruning():
    tree = kh.ClassTree.from_wordnet(PAIRS, LEAVES, prune=False)
    assert tree.leaves == LEAVES and tree.root == "entity"
    assert tree.path("seaplane") == ["entity", "object", "artifact", "boat", "seaplane"]
    assert tree.path("jet") == ["entity", "object", "artifact", "craft", "plane", "jet"]
    assert tree.path("cat") == ["entity", "object", "living", "animal", "cat"]
    assert not {"moss", "unused"} & set(tree.nodes)  # not above any class


def test_pruning_drops_nodes_with_a_single_child_and_the_root_too():
    tree = kh.ClassTree.from_wordnet(PAIRS, LEAVES, name="n")
    assert tree.root == "object" and tree.name == "n"
    assert sorted(tree.nodes) == sorted([*LEAVES, "object", "artifact", "boat"])
    assert tree.path("jet") == ["object", "artifact", "jet"]
    assert tree.path("cat") == ["object", "cat"]
    children = np.bincount(tree.parents[:-1])
    assert not (children == 1).any()


def test_the_parent_nearest_to_the_top_is_kept():
    for pairs in (PAIRS, PAIRS[::-1]):  # whatever the order of the pairs
        tree = kh.ClassTree.from_wordnet(pairs, LEAVES, prune=False)
        assert tree.path("seaplane")[-2] == "boat"


def test_the_first_listed_among_equals():
    pairs = [("top", "a"), ("top", "b"), ("b", "x"), ("a", "x"), ("a", "y"), ("b", "z")]
    assert kh.ClassTree.from_wordnet(pairs, ["x", "y", "z"]).path("x") == ["top", "b", "x"]
    pairs[2], pairs[3] = pairs[3], pairs[2]
    assert kh.ClassTree.from_wordnet(pairs, ["x", "y", "z"], prune=False).path("x")[1] == "a"


def test_repeated_pairs_are_harmless():
    assert kh.ClassTree.from_wordnet(PAIRS * 2, LEAVES) == kh.ClassTree.from_wordnet(PAIRS, LEAVES)


def test_file_form(tmp_path):
    path = tmp_path / "wordnet.is_a.txt"
    path.write_text("".join(f"{a} {b}\n" for a, b in PAIRS) + "\n")
    expected = kh.ClassTree.from_wordnet(PAIRS, LEAVES)
    assert kh.ClassTree.from_wordnet(path, LEAVES) == expected
    assert kh.ClassTree.from_wordnet(str(path), LEAVES) == expected


def test_pairs_may_be_an_iterator_or_array():
    expected = kh.ClassTree.from_wordnet(PAIRS, LEAVES)
    assert kh.ClassTree.from_wordnet(iter(PAIRS), LEAVES) == expected
    assert kh.ClassTree.from_wordnet(np.array(PAIRS), LEAVES) == expected


def test_a_circle_away_from_the_shortest_way_is_harmless():
    pairs = [*PAIRS, ("jet", "loop"), ("loop", "plane"), ("ring1", "ring2"), ("ring2", "ring1")]
    pairs = [("ring2", "cat"), *pairs]  # listed first, yet leads to no top
    tree = kh.ClassTree.from_wordnet(pairs, LEAVES)
    assert tree == kh.ClassTree.from_wordnet(PAIRS, LEAVES)


@pytest.mark.parametrize("seed", range(10))
def test_depths_are_shortest_ways_on_random_graphs(seed):
    rng = np.random.default_rng(seed)
    n = 40
    pairs = [
        (f"n{p}", f"n{c}")
        for c in range(1, n)
        for p in rng.choice(c, min(c, int(rng.integers(1, 4))), replace=False)
    ]
    rng.shuffle(pairs)
    parents = {}
    for p, c in pairs:
        parents.setdefault(c, []).append(p)
    shortest = {"n0": 0}
    for c in (f"n{i}" for i in range(1, n)):  # parents come before children
        shortest[c] = 1 + min(shortest[p] for p in parents[c])
    above = {p for p, _ in pairs}
    leaves = [f"n{i}" for i in range(n) if f"n{i}" not in above]
    tree = kh.ClassTree.from_wordnet(pairs, leaves, prune=False)
    for i, node in enumerate(tree.nodes):
        assert tree.depths[i] == shortest[node]
    for i, p in enumerate(tree.parents[:-1]):
        near = [q for q in parents[tree.nodes[i]] if shortest[q] == shortest[tree.nodes[i]] - 1]
        assert tree.nodes[p] == near[0]
    pruned = kh.ClassTree.from_wordnet(pairs, leaves)
    assert not (np.bincount(pruned.parents[:-1]) == 1).any()
    for leaf in leaves:  # pruning only leaves nodes out
        kept = set(pruned.nodes)
        assert pruned.path(leaf) == [m for m in tree.path(leaf) if m in kept]


def test_edges_are_plain_and_ordered():
    edges = hypernyms.tree_edges(PAIRS, ["jet", "canoe"], prune=True)
    assert edges == [("artifact", "jet"), ("artifact", "canoe")]


@pytest.mark.parametrize(
    ("pairs", "leaves", "match"),
    [
        (PAIRS, [*LEAVES, "sead"], "'sead' is not a node of the pairs"),
        (PAIRS, [*LEAVES, "canoo"], "Did you mean 'canoe'"),
        (PAIRS, [*LEAVES, "plane"], "'plane' is an inner node.*'jet'"),
        (PAIRS, ["cat", "jet", "cat"], "Duplicate class 'cat'"),
        (PAIRS, ["cat"], "at least two classes"),
        (PAIRS, ["cat", ""], r"Received: leaves\[1\]=''"),
        (PAIRS, "cat", "`leaves` must be a list of class names. Received: 'cat'"),
        ([("a", "b"), ("b", "a"), ("b", "x"), ("b", "y")], ["x", "y"], "of 'x' form a cycle"),
        ([("r", "a"), ("s", "b")], ["a", "b"], "2 different tops: 'r', 's'.*'top', 'r'"),
        ([("r", "a"), ("r",)], ["a", "b"], r"Received: pairs\[1\]=\('r',\)"),
        (["ra", "rb"], ["a", "b"], r"Received: pairs\[0\]='ra'"),
        ([("r", "a"), ("r", "")], ["a", "b"], r"non-empty strings. Received: pairs\[1\]=''"),
    ],
)  # fmt: skip
def test_refused(pairs, leaves, match):
    with pytest.raises(ValueError, match=match):
        kh.ClassTree.from_wordnet(pairs, leaves)
