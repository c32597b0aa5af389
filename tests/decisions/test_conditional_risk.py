"""Conditional risk minimisation against golden vectors, double loops and hostile inputs."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe import metrics
from keras_haframe.data import cifar100
from keras_haframe.decisions import conditional_risk
from keras_haframe.tree import ClassTree
from tests.brute_force import distances, ranking, softmax
from tests.golden import golden_cases, match
from tests.gradients import DTYPE, RTOL, assert_close, dot, gradient
from tests.trees import random_tree


def twin(p, d):
    """Negative expected distance of every class, term by term."""
    k = len(d)
    return np.array([[-sum(row[j] * d[j, c] for j in range(k)) for c in range(k)] for row in p])


def scores(p, distances, **options):
    return ops.convert_to_numpy(conditional_risk(np.asarray(p, DTYPE), distances, **options))


# Golden vectors ------------------------------------------------------------------------------


@pytest.mark.parametrize("as_tree", [False, True])
@golden_cases("golden/crm_metrics.npz", "{name}__neg_risk")
def test_golden_risk(golden, benchmark_tree, name, as_tree):
    file = golden("golden/crm_metrics.npz")
    tree = benchmark_tree(name)
    expected = file[f"{name}__neg_risk"]
    p = softmax(file[f"{name}__logits"])[: len(expected)]
    assert_close(scores(p, tree if as_tree else tree.distances()), expected)


@pytest.mark.parametrize("as_tree", [False, True])
@golden_cases("golden/crm_metrics.npz", "{name}__crm_top20")
def test_golden_ranking(golden, benchmark_tree, name, as_tree):
    """The reference's first 20 classes (fewer where there are fewer), in order."""
    file = golden("golden/crm_metrics.npz")
    tree = benchmark_tree(name)
    expected = file[f"{name}__crm_top20"]
    found = scores(softmax(file[f"{name}__logits"]), tree if as_tree else tree.distances())
    order = np.array([ranking(s) for s in found])[:, : expected.shape[1]]
    if DTYPE == "float64":
        np.testing.assert_array_equal(order, expected)
    else:  # float32 may swap classes whose risks agree to all its digits
        risk = softmax(file[f"{name}__logits"]) @ tree.distances()
        np.testing.assert_allclose(
            np.take_along_axis(risk, order, 1), np.take_along_axis(risk, expected, 1), atol=1e-5
        )
        assert (order == expected).mean() > 0.99


@golden_cases("golden/crm_metrics.npz", "{name}__metrics_crm")
def test_golden_metrics(golden, benchmark_tree, name):
    """All of the paper's metrics of the CRM decision, top-1 included, from the scores alone."""
    file = golden("golden/crm_metrics.npz")
    tree, labels = benchmark_tree(name), file[f"{name}__labels"]
    found = scores(softmax(file[f"{name}__logits"]), tree)
    expected = dict(zip(file["metric_names"].tolist(), file[f"{name}__metrics_crm"]))
    measured = {
        "top1_percent": metrics.Top1Accuracy(tree),
        "mistake_severity_mean": metrics.MistakeSeverity(tree),
    }
    for case in match("hierdist@{k}", expected):
        k = int(case["k"])
        measured[f"hierdist@{k}"] = metrics.HierarchicalDistance(tree, k)
    for name, metric in measured.items():
        metric.update_state(labels, found)
        value = float(metric.result()) * (100 if name == "top1_percent" else 1)
        np.testing.assert_allclose(value, expected[name], rtol=1e-6 if DTYPE == "float64" else 1e-4)


# Values --------------------------------------------------------------------------------------


def test_by_hand(tree):
    """(0.4, 0, 0.3, 0.3): the car is most probable, but answering an aircraft risks less."""
    p = [[0.4, 0.0, 0.3, 0.3]]
    expected = [[-1.2, -1.6, -1.1, -1.1]]  # car: 0.6 x 2; truck: 0.4 + 1.2; jet: 0.8 + 0.3
    for d in (tree, tree.distances()):
        np.testing.assert_allclose(scores(p, d), expected, rtol=1e-6)


@pytest.mark.parametrize("convention", ["depth", "subtree"])
def test_twin(uneven_tree, convention):
    rng = np.random.default_rng(0)
    for tree in (uneven_tree, *(random_tree(rng, k) for k in (2, 3, 20))):
        p = softmax(rng.normal(scale=2, size=(4, tree.num_classes)))
        d = distances(tree, convention)
        assert_close(scores(p, d), twin(p, d))
        assert_close(scores(p, tree, convention=convention), twin(p, d))


def test_distances_of_any_origin():
    """A matrix need not be symmetric, whole-numbered, or come from a tree."""
    rng = np.random.default_rng(1)
    d, p = rng.uniform(0, 3, (5, 5)), softmax(rng.normal(size=(3, 5)))
    assert_close(scores(p, d), twin(p, d))
    assert_close(scores(p, d.tolist()), twin(p, d))


def test_refuses_scores(uneven_tree):
    """Through the tree as through the matrix; the softmax of the same scores is taken."""
    logits = np.random.default_rng(2).normal(size=(3, 7))
    for d in (uneven_tree, uneven_tree.distances()):
        with pytest.raises(ValueError, match=r"look like scores \(logits\).*model.predict_proba"):
            conditional_risk(logits, d)
        scores(softmax(logits), d)


def test_certain_probabilities(uneven_tree):
    """All mass on one class: the scores are its negative distances, the class itself best."""
    d = distances(uneven_tree)
    for matrix in (uneven_tree, d):
        found = scores(np.eye(7), matrix)
        np.testing.assert_allclose(found, -d, atol=1e-6)
        np.testing.assert_array_equal(found.argmax(1), np.arange(7))


def test_one_hot_integers_and_fractional_distances():
    """Integer probabilities must not make the distances integers."""
    found = ops.convert_to_numpy(
        conditional_risk([[1, 0, 0]], [[0, 0.5, 1], [0.5, 0, 1], [1, 1, 0]])
    )
    np.testing.assert_allclose(found, [[0, -0.5, -1]])


def test_above_one_half_nothing_changes(uneven_tree):
    """With more than half of the mass on a class, CRM answers that class."""
    rng = np.random.default_rng(3)
    p = 0.49 * softmax(rng.normal(size=(30, 7)))
    top = rng.integers(0, 7, 30)
    p[np.arange(30), top] += 0.51
    np.testing.assert_array_equal(scores(p, uneven_tree).argmax(1), top)


def test_flat_tree_keeps_the_ranking():
    flat = ClassTree([("root", c) for c in "abcdef"])
    p = softmax(np.random.default_rng(4).normal(size=(5, 6)))
    found = scores(p, flat)
    assert_close(found, p - p.sum(1, keepdims=True))
    assert [ranking(f) for f in found] == [ranking(r) for r in p]


def test_equal_probabilities_tie(tree):
    """Equal risks rank by class index."""
    found = scores(np.full((1, 4), 0.25), tree)
    np.testing.assert_array_equal(found, found[:, :1].repeat(4, 1))
    assert ranking(found[0]) == [0, 1, 2, 3]


# Gradient ------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_gradient(uneven_tree, compiled):
    """Linear in the probabilities: the gradient is minus the cotangent times the distances."""
    rng = np.random.default_rng(5)
    p, cotangent = softmax(rng.normal(size=(2, 7))), rng.normal(size=(2, 7))
    expected = -cotangent @ distances(uneven_tree)
    for d in (uneven_tree, uneven_tree.distances()):
        found = gradient(
            lambda p, d=d: dot(conditional_risk(p, d), cotangent.astype(DTYPE)),
            p.astype(DTYPE),
            compiled,
        )
        assert_close(found, expected, max(RTOL, 1e-5))


# Extreme inputs ------------------------------------------------------------------------------


def test_huge_logits():
    """Probabilities of logits of 1e4 are 0 and 1: the ranking is by distance, then index."""
    tree = cifar100.class_tree()
    logits = np.zeros((1, 100))
    logits[0, 42] = 1e4
    expected = sorted(range(100), key=lambda k: (tree.distances()[42, k], k))
    assert ranking(scores(softmax(logits), tree.distances())[0]) == expected
    assert ranking(scores(softmax(logits), tree)[0]) == expected


@pytest.mark.parametrize("batch", [0, 1])
def test_small_batches(uneven_tree, batch):
    p = np.full((batch, 7), 1 / 7, DTYPE)
    for d in (uneven_tree, uneven_tree.distances()):
        assert tuple(conditional_risk(p, d).shape) == (batch, 7)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_probabilities(dtype):
    """Sums over 1000 classes run in float32: only the rounding of the probabilities remains."""
    edges = [("root", f"g{i}") for i in range(10)] + [
        (f"g{i // 100}", f"c{i}") for i in range(1000)
    ]
    tree = ClassTree(edges, [f"c{i}" for i in range(1000)])
    p = ops.cast(softmax(np.random.default_rng(6).normal(size=(2, 1000))), dtype)
    rounded = ops.convert_to_numpy(ops.cast(p, "float32")).astype("float64")
    expected = -rounded @ tree.distances()
    for d in (tree, tree.distances()):
        found = conditional_risk(p, d)
        assert keras.backend.standardize_dtype(found.dtype) == "float32"
        np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-4)


def test_twenty_thousand_classes():
    """With a tree no 20,000 x 20,000 table is formed."""
    edges = [("root", f"g{i}") for i in range(100)] + [
        (f"g{i // 200}", f"c{i}") for i in range(20_000)
    ]
    tree = ClassTree(edges, [f"c{i}" for i in range(20_000)])
    p = np.zeros((1, 20_000), "float32")
    p[0, [0, 1, 19_999]] = [0.3, 0.3, 0.4]
    found = ops.convert_to_numpy(conditional_risk(p, tree))[0]
    expected = {0: -1.1, 1: -1.1, 2: -1.4, 200: -2.0, 19_999: -1.2, 19_998: -1.6}
    np.testing.assert_allclose(found[list(expected)], list(expected.values()), rtol=1e-5)


# Errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4,), (2, 3), (1, 2, 4)])
def test_probability_shape(tree, shape):
    for d in (tree, tree.distances()):
        with pytest.raises(
            ValueError, match=r"Probabilities must have shape \[batch, 4\]"
        ) as error:
            conditional_risk(np.ones(shape), d)
        assert str(shape) in str(error.value)


@pytest.mark.parametrize("d", [np.zeros((4, 3)), np.zeros(4), 2.0])
def test_distance_shape(d):
    with pytest.raises(ValueError, match=r"`distances` must be a ClassTree or a square \[K, K\]"):
        conditional_risk(np.full((1, 4), 0.25), d)


def test_unknown_convention(tree):
    with pytest.raises(ValueError, match="`convention` must be one of"):
        conditional_risk(np.full((1, 4), 0.25), tree, convention="height")
