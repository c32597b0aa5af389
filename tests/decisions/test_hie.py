import numpy as np
import pytest
from keras import ops

from keras_haframe.decisions import conditional_risk, hierarchical_ensemble, leaf_parents
from tests.compiled import compiled
from tests.golden import golden_cases, numbered_tree
from tests.trees import SHAPES, probabilities


def brute(p, tree, q=None):
    """The definition, one class at a time; `q[b]` maps a parent's number to its probability."""
    out = np.zeros(p.shape)
    for b in range(len(p)):
        if q is None:
            mass = {}
            for k in range(tree.num_classes):
                parent = int(tree.parents[k])
                mass[parent] = mass.get(parent, 0.0) + float(p[b, k])
        else:
            mass = q[b]
        for k in range(tree.num_classes):
            out[b, k] = p[b, k] * mass[int(tree.parents[k])]
        out[b] /= out[b].sum()
    return out


def coarse(tree, batch, seed=3):
    nodes, _ = leaf_parents(tree)
    q = np.random.default_rng(seed).dirichlet(np.ones(len(nodes)), batch).astype("float32")
    return q, [{int(n): float(v) for n, v in zip(nodes, row)} for row in q]


def test_leaf_parents_of_the_worked_and_an_uneven_tree(tree, uneven_tree):
    nodes, labels = leaf_parents(tree)
    assert [tree.nodes[n] for n in nodes] == ["land", "air"]
    assert labels.tolist() == [0, 0, 1, 1] == tree.level_labels()[:, 1].tolist()
    nodes, labels = leaf_parents(uneven_tree)
    names = [uneven_tree.nodes[n] for n in nodes]
    assert names == ["link", "c", "root", "a", "b"]
    # leaves l1, c0, e, a0, l0, b0, c1
    assert [names[i] for i in labels] == ["link", "c", "root", "a", "link", "b", "c"]


def test_worked_example_by_hand(tree):
    found = hierarchical_ensemble([[0.3, 0.3, 0.4, 0.0]], tree)
    np.testing.assert_allclose(found, np.array([[0.18, 0.18, 0.16, 0.0]]) / 0.52, rtol=1e-6)
    assert int(ops.argmax(found, axis=1)[0]) == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_against_loops_with_one_and_with_two_models(shape):
    tree = SHAPES[shape]()
    p = probabilities(tree, 6)
    np.testing.assert_allclose(hierarchical_ensemble(p, tree), brute(p, tree), rtol=1e-5)
    q, mass = coarse(tree, 6)
    found = hierarchical_ensemble(p, tree, q)
    np.testing.assert_allclose(found, brute(p, tree, mass), rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_squares_the_mass_of_each_family_and_leaves_ranks_within_it(shape):
    tree = SHAPES[shape]()
    p = probabilities(tree, 4)
    found = ops.convert_to_numpy(hierarchical_ensemble(p, tree))
    nodes, labels = leaf_parents(tree)
    before = np.stack([p[:, labels == m].sum(1) for m in range(len(nodes))], 1)
    after = np.stack([found[:, labels == m].sum(1) for m in range(len(nodes))], 1)
    squared = before**2 / (before**2).sum(1, keepdims=True)
    np.testing.assert_allclose(after, squared, rtol=1e-4)
    np.testing.assert_allclose(found / after[:, labels], p / before[:, labels], rtol=1e-4)


@golden_cases("golden_ext/tree_{name}.npz")
def test_golden(golden, name):
    arrays = golden(f"golden_ext/tree_{name}.npz")
    tree = numbered_tree(arrays)
    nodes, _ = leaf_parents(tree)
    column = {str(n): i for i, n in enumerate(arrays["hie_parents"])}
    q = arrays["hie_coarse_probs"][:, [column[tree.nodes[n]] for n in nodes]]
    found = hierarchical_ensemble(arrays["probs"], tree, q)
    np.testing.assert_allclose(found, arrays["hie_l1norm"], rtol=1e-6, atol=1e-6)
    raw = arrays["hie_raw"]
    np.testing.assert_allclose(found, raw / raw.sum(1, keepdims=True), rtol=1e-6, atol=1e-6)


def test_a_second_model_that_does_not_discriminate_changes_nothing(uneven_tree):
    p = probabilities(uneven_tree, 5)
    q = np.full((5, 5), 0.2)
    np.testing.assert_allclose(hierarchical_ensemble(p, uneven_tree, q), p, rtol=1e-5)


def test_composes_with_conditional_risk(tree):
    p = probabilities(tree, 8)
    scores = conditional_risk(hierarchical_ensemble(p, tree), tree)
    expected = -brute(p, tree) @ tree.distances()
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-6)


def test_two_models_that_contradict_each_other_leave_the_first(tree):
    p, q = [[1.0, 0, 0, 0], [0.5, 0, 0.5, 0]], [[0.0, 1], [0, 1]]
    found = ops.convert_to_numpy(hierarchical_ensemble(p, tree, q))
    np.testing.assert_array_equal(found, [[1, 0, 0, 0], [0, 0, 1, 0]])


def test_tiny_probabilities_stay_finite(tree):
    p = np.array([[1e-30, 1.0, 1e-38, 0.0]], "float32")
    found = ops.convert_to_numpy(hierarchical_ensemble(p, tree, [[1e-30, 1.0]]))
    assert np.isfinite(found).all() and abs(found.sum() - 1) < 1e-5


def test_half_precision_empty_batch_and_compiled(tree):
    p = probabilities(tree, 3)
    half = ops.cast(ops.convert_to_tensor(p), "bfloat16")
    rounded = ops.convert_to_numpy(ops.cast(half, "float32"))
    np.testing.assert_allclose(hierarchical_ensemble(half, tree), brute(rounded, tree), rtol=1e-4)
    assert hierarchical_ensemble(p[:0], tree).shape == (0, 4)
    found = compiled(lambda a, b: hierarchical_ensemble(a, tree, b))(p, coarse(tree, 3)[0])
    np.testing.assert_allclose(found, brute(p, tree, coarse(tree, 3)[1]), rtol=1e-5)


@pytest.mark.parametrize("shape", [(2, 3), (1, 2), (2,), (2, 2, 1)])
def test_refuses_parents_of_the_wrong_shape(tree, shape):
    with pytest.raises(ValueError, match=r"must have shape \[2, 2\].*land, air"):
        hierarchical_ensemble(probabilities(tree, 2), tree, np.ones(shape, "float32"))
