import itertools
import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.data import cifar100
from keras_haframe.decisions import conditional_risk
from keras_haframe.metrics import HierarchicalNDCG, hierarchical_ndcg
from tests import brute_force, trees
from tests.compiled import compiled
from tests.metrics import contract
from tests.trees import SHAPES, labels, probabilities


def dcg(gains, k):
    return sum(g / math.log2(r + 2) for r, g in enumerate(gains[:k]))


def brute(y, scores, tree, k=None, convention="depth"):
    """Mean over every order of equal scores: groups of ties permuted, one by one."""
    distances = brute_force.distances(tree, convention)
    farthest, k = distances.max(), k or tree.num_classes
    out = []
    for label, row in zip(y, scores):
        groups = [
            list(g)
            for _, g in itertools.groupby(brute_force.ranking(row), key=lambda c: float(row[c]))
        ]
        values = []
        for orders in itertools.product(*(itertools.permutations(g) for g in groups)):
            ranked = [c for order in orders for c in order]
            values.append(dcg([farthest - distances[label, c] for c in ranked], k))
        ideal = dcg(sorted((farthest - d for d in distances[label]), reverse=True), k)
        out.append(np.mean(values) / ideal)
    return np.array(out)


def test_worked_tree_by_hand(tree):
    found = hierarchical_ndcg([0], [[2, 3, 1, 0]], tree)
    wanted = (1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3))
    np.testing.assert_allclose(found, [wanted], rtol=1e-6)


def test_a_tie_by_hand(tree):
    # car and jet tie for ranks 1 and 2: each counts (1 + 1/log2 3) / 2; truck is third.
    found = hierarchical_ndcg([0], [[3, 1, 3, 0]], tree)
    wanted = (2 * (1 + 1 / math.log2(3)) / 2 + 1 / 2) / (2 + 1 / math.log2(3))
    np.testing.assert_allclose(found, [wanted], rtol=1e-6)


@pytest.mark.parametrize("convention", ["depth", "subtree"])
@pytest.mark.parametrize("shape", SHAPES)
def test_against_loops_without_ties(shape, convention):
    tree = SHAPES[shape]()
    y, scores = labels(tree, 8), probabilities(tree, 8)
    for k in {1, 2, min(5, tree.num_classes), None}:
        found = hierarchical_ndcg(y, scores, tree, k, convention=convention)
        np.testing.assert_allclose(
            found, brute(y, scores, tree, k, convention=convention), rtol=1e-5
        )


@pytest.mark.parametrize("shape", ["two", "chain", "worked", "flat", "random0"])
@pytest.mark.parametrize("values", [1, 2, 3])
def test_ties_against_every_order(shape, values):
    tree = SHAPES[shape]()
    scores = np.random.default_rng(0).integers(0, values, (6, tree.num_classes)).astype("float32")
    y = labels(tree, 6)
    for k in {1, 2, tree.num_classes}:
        np.testing.assert_allclose(
            hierarchical_ndcg(y, scores, tree, k), brute(y, scores, tree, k), rtol=1e-5
        )


def test_order_of_the_classes_does_not_matter_where_scores_tie(uneven_tree):
    """Conditional risk ties; renaming classes must not change a fair measure."""
    p = np.full((1, 7), 1 / 7, "float32")
    scores = np.round(ops.convert_to_numpy(conditional_risk(p, uneven_tree)), 4)
    assert len(np.unique(scores)) < 7
    found = [float(hierarchical_ndcg([k], scores, uneven_tree, 2)[0]) for k in range(7)]
    np.testing.assert_allclose(
        found, [brute([k], scores, uneven_tree, 2)[0] for k in range(7)], rtol=1e-5
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_one_for_every_ranking_by_distance(shape):
    tree = SHAPES[shape]()
    y, d = np.arange(tree.num_classes), tree.distances().astype("float32")
    noise = np.random.default_rng(0).uniform(0, 0.5, d.shape).astype("float32")
    for scores in (-d, -(d + noise)):
        for k in (1, tree.num_classes):
            np.testing.assert_allclose(hierarchical_ndcg(y, scores, tree, k), 1, rtol=1e-6)
    if tree.num_classes > 2:
        assert (ops.convert_to_numpy(hierarchical_ndcg(y, d, tree, 1)) < 0.5).all()


def test_sees_the_order_within_the_first_k(tree):
    scores = [[4, 3, 2, 1], [3, 4, 2, 1]]
    found = ops.convert_to_numpy(hierarchical_ndcg([0, 0], scores, tree, k=2))
    assert found[0] == pytest.approx(1) and found[1] < 0.9


def test_two_classes_by_hand():
    found = hierarchical_ndcg([0, 0, 0], [[1.0, 0], [0, 1.0], [1.0, 1.0]], SHAPES["two"]())
    second = 1 / math.log2(3)
    np.testing.assert_allclose(found, [1, second, (1 + second) / 2], rtol=1e-6)


def test_many_classes_with_ties_against_the_mean_of_random_orders():
    tree = cifar100.class_tree()
    rng = np.random.default_rng(0)
    scores, y = rng.integers(0, 6, (2, 100)).astype("float32"), [3, 50]
    d = tree.distances()
    draws = []
    for _ in range(4000):
        order = np.lexsort((rng.uniform(size=(2, 100)), -scores), axis=1)
        gains = tree.height - np.take_along_axis(d[y], order, axis=1)[:, :20]
        draws.append((gains / np.log2(np.arange(20) + 2)).sum(1))
    ideal = np.array([dcg(sorted(tree.height - d[k], reverse=True), 20) for k in y])
    mean, spread = np.mean(draws, 0) / ideal, np.std(draws, 0) / ideal / np.sqrt(4000)
    found = ops.convert_to_numpy(hierarchical_ndcg(y, scores, tree, 20))
    assert (np.abs(found - mean) < 5 * spread).all()


def test_streams_weights_half_precision_empty_and_compiled(uneven_tree):
    y, p = labels(uneven_tree, 20), probabilities(uneven_tree, 20)
    values = brute(y, p, uneven_tree, 3)
    m = HierarchicalNDCG(uneven_tree, k=3)
    for part in (slice(0, 9), slice(9, 10), slice(10, 10), slice(10, 20)):
        m.update_state(y[part], p[part])
    np.testing.assert_allclose(m.result(), values.mean(), rtol=1e-5)
    weight = np.linspace(0, 1, 20, dtype="float32")
    m.reset_state()
    m.update_state(y, p, sample_weight=weight)
    np.testing.assert_allclose(m.result(), (values * weight).sum() / weight.sum(), rtol=1e-5)
    found = compiled(lambda a, b: hierarchical_ndcg(a, b, uneven_tree, 3))(y, p)
    np.testing.assert_allclose(found, values, rtol=1e-5)
    half = ops.cast(ops.convert_to_tensor(p), "bfloat16")
    rounded = ops.convert_to_numpy(ops.cast(half, "float32"))
    np.testing.assert_allclose(
        hierarchical_ndcg(y, half, uneven_tree, 3), brute(y, rounded, uneven_tree, 3), rtol=1e-5
    )


@pytest.mark.slow
def test_works_in_fit_and_evaluate(tree):
    """In a compiled graph with an unknown batch size, last batch smaller."""
    x, y = np.random.default_rng(0).normal(size=(11, 3)).astype("float32"), labels(tree, 11)
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(4)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=[HierarchicalNDCG(tree, k=3), HierarchicalNDCG(tree)])
    model.fit(x, y, batch_size=4, epochs=1, verbose=0)
    logs = model.evaluate(x, y, batch_size=4, verbose=0, return_dict=True)
    scores = model.predict(x, verbose=0)
    assert logs["hier_ndcg_3"] == pytest.approx(brute(y, scores, tree, 3).mean(), rel=1e-4)
    assert logs["hier_ndcg"] == pytest.approx(brute(y, scores, tree).mean(), rel=1e-4)


def test_configuration(tree):
    m = HierarchicalNDCG(tree, k=2, convention="subtree")
    assert (
        m.name == "hier_ndcg_2"
        and m._direction == "up"
        and HierarchicalNDCG(tree).name == "hier_ndcg"
    )
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(m))
    assert (again.k, again.convention, again.tree) == (2, "subtree", tree)
    assert (
        keras.saving.deserialize_keras_object(
            keras.saving.serialize_keras_object(HierarchicalNDCG(tree))
        ).k
        is None
    )


@pytest.mark.parametrize("k", [0, 5, 2.0, True])
def test_refuses_wrong_k(tree, k):
    with pytest.raises(
        ValueError, match="`k` must be an integer from 1 to 4, the number of classes, or None"
    ):
        HierarchicalNDCG(tree, k=k)


def test_refuses_wrong_shapes(tree):
    with pytest.raises(ValueError, match=r"\[batch, 4\]"):
        hierarchical_ndcg([0], [[1.0, 0.0]], tree)


def twin(tree, k=None):
    return lambda y, scores: brute(y, scores, tree, k).mean()


def test_keeps_the_contract_of_tree_metrics(uneven_tree, tmp_path):
    contract.check_round_trip(HierarchicalNDCG(uneven_tree, k=3))
    contract.check_batches(HierarchicalNDCG(uneven_tree, k=3), twin(uneven_tree, 3))
    contract.check_in_a_model(HierarchicalNDCG(uneven_tree), twin(uneven_tree))
    contract.check_saved_model(HierarchicalNDCG(uneven_tree, k=2), twin(uneven_tree, 2), tmp_path)
    contract.check_label_shapes(lambda y, s: hierarchical_ndcg(y, s, uneven_tree), 7)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_labels_above_256_under_half_precision_policies(dtype):
    y, _, scores = contract.half_precision_example(dtype)
    found = hierarchical_ndcg(y, scores, trees.wide(), 1)
    np.testing.assert_allclose(found, [1, 1, 0, 0.5], rtol=1e-6)
