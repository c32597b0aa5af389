import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.data import cifar100
from keras_haframe.decisions import conditional_risk
from keras_haframe.metrics import (
    HierarchicalDistance,
    NormalizedHierarchicalDistance,
    normalized_hierarchical_distance,
)
from tests import brute_force, trees
from tests.compiled import compiled
from tests.golden import golden_cases, numbered_tree
from tests.metrics import contract
from tests.trees import SHAPES, labels, probabilities


def brute(y, scores, tree, k, convention="depth"):
    distances = brute_force.distances(tree, convention)
    out = []
    for label, row in zip(y, scores):
        said = np.mean([distances[label, c] for c in brute_force.ranking(row)[:k]])
        order = sorted(int(d) for d in distances[label])
        best, worst = np.mean(order[:k]), np.mean(order[-k:])
        out.append((said - best) / (worst - best))
    return np.array(out)


def test_worked_tree_by_hand(tree):
    found = normalized_hierarchical_distance(
        [0, 0, 0], [[4, 2, 3, 1], [4, 3, 2, 1], [1, 2, 3, 4]], tree, k=2
    )
    # car and jet: (1 - 0.5) / (2 - 0.5); the best pair; the worst pair
    np.testing.assert_allclose(found, [1 / 3, 0, 1], rtol=1e-6)


@pytest.mark.parametrize("convention", ["depth", "subtree"])
@pytest.mark.parametrize("shape", SHAPES)
def test_against_sorted_rows(shape, convention):
    tree = SHAPES[shape]()
    y, scores = labels(tree, 10), probabilities(tree, 10)
    for k in {1, min(3, tree.num_classes - 1), tree.num_classes - 1}:
        found = normalized_hierarchical_distance(y, scores, tree, k, convention=convention)
        np.testing.assert_allclose(
            found, brute(y, scores, tree, k, convention=convention), rtol=1e-4, atol=1e-6
        )


@golden_cases("golden_ext/tree_{name}.npz")
def test_golden_distances_give_the_extremes(golden, name):
    arrays = golden(f"golden_ext/tree_{name}.npz")
    tree, d = numbered_tree(arrays), arrays["D"].astype(float)
    y = np.arange(tree.num_classes)
    for k in (1, min(5, tree.num_classes - 1)):
        for scores, wanted in ((-d, 0.0), (d, 1.0)):
            found = normalized_hierarchical_distance(y, scores, tree, k, convention="subtree")
            np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_nought_for_the_best_and_one_for_the_worst_ranking(shape):
    tree = SHAPES[shape]()
    y, distances = np.arange(tree.num_classes), tree.distances().astype("float32")
    for k in {1, 2, tree.num_classes // 2, tree.num_classes - 1} - {0, tree.num_classes}:
        best = normalized_hierarchical_distance(y, -distances, tree, k)
        worst = normalized_hierarchical_distance(y, distances, tree, k)
        np.testing.assert_array_equal(ops.convert_to_numpy(best), np.zeros(len(y)))
        np.testing.assert_array_equal(ops.convert_to_numpy(worst), np.ones(len(y)))


def test_conditional_risk_is_near_the_best():
    """A right and certain model under CRM ranks by distance: HierDist@20 is not 0, this is."""
    tree = cifar100.class_tree()
    y = np.arange(100)
    scores = conditional_risk(np.eye(100, dtype="float32"), tree)
    plain, ours = HierarchicalDistance(tree, k=20), NormalizedHierarchicalDistance(tree, k=20)
    plain.update_state(y, scores)
    ours.update_state(y, scores)
    assert float(plain.result()) > 1.5
    np.testing.assert_allclose(ours.result(), 0, atol=1e-6)


def test_two_classes_is_the_error_rate():
    tree = SHAPES["two"]()
    found = normalized_hierarchical_distance([0, 0], [[1.0, 0], [0, 1.0]], tree, k=1)
    np.testing.assert_allclose(found, [0, 1])


def test_equal_scores_rank_the_lower_class_first(tree):
    scores = np.zeros((4, 4), "float32")  # ranking 0 1 2 3 for every row
    found = normalized_hierarchical_distance(range(4), scores, tree, k=2)
    np.testing.assert_allclose(found, brute(range(4), scores, tree, 2), rtol=1e-6)
    np.testing.assert_allclose(found, [0, 0, 1, 1], atol=1e-6)


def test_streams_weights_half_precision_and_compiled(uneven_tree):
    y, p = labels(uneven_tree, 20), probabilities(uneven_tree, 20)
    values = brute(y, p, uneven_tree, 3)
    m = NormalizedHierarchicalDistance(uneven_tree, k=3)
    for part in (slice(0, 9), slice(9, 10), slice(10, 20)):
        m.update_state(y[part], p[part])
    np.testing.assert_allclose(m.result(), values.mean(), rtol=1e-5)
    weight = np.linspace(0, 1, 20, dtype="float32")
    m.reset_state()
    m.update_state(y, p, sample_weight=weight)
    np.testing.assert_allclose(m.result(), (values * weight).sum() / weight.sum(), rtol=1e-5)
    found = compiled(lambda a, b: normalized_hierarchical_distance(a, b, uneven_tree, 3))(y, p)
    np.testing.assert_allclose(found, values, rtol=1e-5, atol=1e-6)
    half = ops.cast(ops.convert_to_tensor(p), "bfloat16")
    rounded = ops.convert_to_numpy(ops.cast(half, "float32"))
    np.testing.assert_allclose(
        normalized_hierarchical_distance(y, half, uneven_tree, 3),
        brute(y, rounded, uneven_tree, 3),
        rtol=1e-5,
        atol=1e-6,
    )


def test_configuration(tree):
    m = NormalizedHierarchicalDistance(tree, k=2, convention="subtree")
    assert m.name == "norm_hier_dist_2" and m._direction == "down"
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(m))
    assert (again.k, again.convention, again.tree) == (2, "subtree", tree)


@pytest.mark.parametrize("k", [0, 4, 2.0, True])
def test_refuses_ks_without_a_scale(tree, k):
    with pytest.raises(ValueError, match="`k` must be an integer from 1 to 3"):
        NormalizedHierarchicalDistance(tree, k=k)
    with pytest.raises(ValueError, match="`k` must be an integer from 1 to 3"):
        normalized_hierarchical_distance([0], [[1.0, 0, 0, 0]], tree, k=k)


def twin(tree, k):
    return lambda y, scores: brute(y, scores, tree, k).mean()


def test_keeps_the_contract_of_tree_metrics(uneven_tree, tmp_path):
    contract.check_round_trip(NormalizedHierarchicalDistance(uneven_tree, k=3))
    contract.check_batches(NormalizedHierarchicalDistance(uneven_tree, k=3), twin(uneven_tree, 3))
    contract.check_in_a_model(NormalizedHierarchicalDistance(uneven_tree), twin(uneven_tree, 5))
    metric = NormalizedHierarchicalDistance(uneven_tree, k=2)
    contract.check_saved_model(metric, twin(uneven_tree, 2), tmp_path)
    contract.check_label_shapes(
        lambda y, s: normalized_hierarchical_distance(y, s, uneven_tree, 3), 7
    )


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_labels_above_256_under_half_precision_policies(dtype):
    y, _, scores = contract.half_precision_example(dtype)
    metric = NormalizedHierarchicalDistance(trees.wide(), k=1)
    metric.update_state(y, scores)
    assert float(metric.result()) == pytest.approx((0 + 0 + 2 + 1) / 4 / 2)
