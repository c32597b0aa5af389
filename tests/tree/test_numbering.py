"""Numbers of nodes, all at once, against the checks that go edge by edge."""

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.tree import numbering, validation
from tests.trees import SHAPES, deep, random_tree


def one_by_one(edges, leaves):
    """Nodes, parents and depths by dictionaries, as `ClassTree` describes them."""
    _, parent_of, children_of = validation.check_edges(edges)
    depth = validation.check_reachable(parent_of, children_of)
    leaves = validation.check_leaves(leaves, depth, parent_of, children_of)
    nodes = leaves + sorted((n for n in children_of if children_of[n]), key=lambda n: -depth[n])
    parents = [nodes.index(parent_of[n]) if n in parent_of else -1 for n in nodes]
    return nodes, parents, [depth[n] for n in nodes]


@pytest.mark.parametrize("seed", range(8))
def test_against_dictionaries(seed):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, int(rng.integers(2, 40)))
    edges = [tree.edges[i] for i in rng.permutation(tree.num_nodes - 1)]
    for leaves in (None, [tree.leaves[i] for i in rng.permutation(tree.num_classes)]):
        found = numbering.number(edges, leaves)
        nodes, parents, depths = one_by_one(edges, leaves)
        assert found.nodes == nodes
        assert found.parents.tolist() == parents and found.depths.tolist() == depths
        made = kh.ClassTree(edges, leaves)
        assert made.edges == edges and made.get_config()["edges"] == [list(e) for e in edges]


@pytest.mark.parametrize("shape", SHAPES)
def test_repeated_edges_and_names_of_numpy(shape):
    tree = SHAPES[shape]()
    again = kh.ClassTree(np.array([*tree.edges, *tree.edges]), np.array(tree.leaves))
    assert again == tree and again.edges == tree.edges
    assert {type(name) for name in again.nodes} == {str}


def test_depths():
    chain = np.append(np.arange(1, 1_000), -1)
    np.testing.assert_array_equal(numbering.depths_of(chain), np.arange(999, -1, -1))
    assert numbering.depths_of(np.array([1, 0, -1])) is None  # a circle
    assert numbering.depths_of(np.array([0, -1])) is None  # its own parent
    assert numbering.depths_of(np.array([-1, 0, -1, 2, 3])).tolist() == [0, 1, 0, 1, 2]


def test_large_tree():
    tree = deep(3_000)
    nodes, parents, _ = one_by_one(tree.edges[:400], None)
    small = kh.ClassTree(tree.edges[:400])
    assert (small.nodes, small.parents.tolist()) == (nodes, parents)
    assert tree.num_classes == 3_000 and tree.height == 6 and (tree.depths[:3_000] == 6).all()
    with pytest.raises(ValueError, match=r"has two parents: 'life' and 'tribe 000001 ameliana'"):
        kh.ClassTree([*tree.edges, ("tribe 000001 ameliana", "tribe 000000 ameliana")])


def test_nearest_of_very_many_names():
    names = [f"species {i:06d} ameliana" for i in range(20_000)]
    assert validation.nearest("species 012345 amelana", names) == "species 012345 ameliana"
    assert validation.nearest("specie 012345 ameliana", names) in names
    assert validation.nearest("?", names) is None
    near = validation.nearest("glidr", ["jet", "glider"])
    assert near == "glider"
