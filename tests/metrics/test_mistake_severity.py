"""Mistake severity: the mean LCA height over wrong predictions."""

import math

import numpy as np
import pytest
from keras import ops

from keras_haframe.metrics import (
    HierarchicalDistance,
    MistakeSeverity,
    Top1Accuracy,
    hierarchical_distance,
    mistake_severity,
)
from tests import trees
from tests.brute_force import distance, ranking
from tests.golden import golden_cases
from tests.metrics import contract
from tests.trees import random_tree


def heights(tree, labels, scores, convention="depth"):
    """LCA heights of the mistakes, one by one."""
    best = [ranking(s)[0] for s in scores]
    return [distance(tree, int(y), p, convention) for y, p in zip(labels, best) if p != y]


def twin(tree, convention="depth"):
    return lambda labels, scores: float(np.mean(heights(tree, labels, scores, convention)))


def measured(tree, labels, scores, convention="depth"):
    metric = MistakeSeverity(tree, convention=convention)
    metric.update_state(labels, scores)
    return metric


# Values --------------------------------------------------------------------------------------


def test_by_hand(tree):
    """Car for truck costs 1, car for jet and for glider 2; a right answer does not count."""
    scores = np.eye(4)[[0, 0, 0, 0]]
    for labels, expected in (([1], 1), ([2], 2), ([1, 2], 1.5), ([0, 1, 2, 3], 5 / 3)):
        n = len(labels)
        np.testing.assert_allclose(
            float(mistake_severity(labels, scores[:n], tree)), expected, rtol=1e-6
        )
        metric = measured(tree, labels, scores[:n])
        np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-6)
        assert float(metric.mistakes) == sum(y != 0 for y in labels)


@pytest.mark.parametrize("convention", ["depth", "subtree"])
def test_random_trees(convention):
    rng = np.random.default_rng(0)
    for classes in (2, 6, 25):
        tree = random_tree(rng, classes)
        labels, scores = rng.integers(0, classes, 50), rng.normal(size=(50, classes))
        expected = heights(tree, labels, scores, convention)
        metric = measured(tree, labels, scores, convention)
        np.testing.assert_allclose(float(metric.result()), np.mean(expected), rtol=1e-6)
        np.testing.assert_allclose(
            float(mistake_severity(labels, scores, tree, convention=convention)),
            np.mean(expected),
            rtol=1e-6,
        )
        assert float(metric.mistakes) == len(expected)


def test_conventions_on_the_uneven_tree(uneven_tree):
    """l0 and l1 meet at depth 2 of 4, one edge above them."""
    labels = [uneven_tree.index("l0")]
    scores = np.eye(7)[[uneven_tree.index("l1")]]
    assert float(mistake_severity(labels, scores, uneven_tree)) == 2.0
    assert float(mistake_severity(labels, scores, uneven_tree, convention="subtree")) == 1.0
    assert float(measured(uneven_tree, labels, scores, "subtree").result()) == 1.0


def test_takes_a_tree_configuration(tree):
    scores = np.eye(4)[[1]]
    assert float(mistake_severity([2], scores, tree.get_config())) == 2.0
    assert float(measured(tree.get_config(), [2], scores).result()) == 2.0


# Golden vectors ------------------------------------------------------------------------------


@golden_cases("golden/crm_metrics.npz", "{name}__metrics_{decision}")
def test_golden(golden, benchmark_tree, name, decision):
    """Mean over the mistakes of the plain and of the CRM decision, and their spread (ddof 0)."""
    file = golden("golden/crm_metrics.npz")
    tree, labels = benchmark_tree(name), file[f"{name}__labels"]
    expected = dict(zip(file["metric_names"].tolist(), file[f"{name}__metrics_{decision}"]))
    scores = file[f"{name}__logits"]
    if decision == "crm":
        scores = np.eye(tree.num_classes)[file[f"{name}__crm_top20"][:, 0]]
    metric = measured(tree, labels, scores)
    np.testing.assert_allclose(float(metric.result()), expected["mistake_severity_mean"], rtol=1e-6)
    # The library has no metric of the spread; the per-example distances hold it.
    each = ops.convert_to_numpy(hierarchical_distance(labels, scores, tree))
    np.testing.assert_allclose(each[each > 0].std(), expected["mistake_severity_std"], rtol=1e-6)


@golden_cases("golden/run_summary_metrics.npz", "{name}__logits")
def test_golden_summary(golden, benchmark_tree, name):
    """The evaluation loop's severity, streamed in four batches."""
    file = golden("golden/run_summary_metrics.npz")
    summary = dict(zip(file["summary_names"].tolist(), file["summary_values"]))
    labels, scores = file[f"{name}__labels"], file[f"{name}__logits"]
    metric = MistakeSeverity(benchmark_tree(name))
    for batch in np.array_split(np.arange(len(labels)), 4):
        metric.update_state(labels[batch], scores[batch])
    np.testing.assert_allclose(
        float(metric.result()), summary["ilsvrc_dist_mistakes/avg01"], rtol=1e-6
    )


# Streaming -----------------------------------------------------------------------------------


def test_pooled_over_all_mistakes(tree):
    """One mistake of height 2, then three of height 1: 5/4, where batch means would give 3/2."""
    metric = MistakeSeverity(tree)
    metric.update_state([2], np.eye(4)[[0]])
    assert float(metric.result()) == 2.0
    metric.update_state([1, 1, 1], np.eye(4)[[0, 0, 0]])
    assert float(metric.result()) == 1.25
    assert float(metric.mistakes) == 4.0


def test_batches(uneven_tree):
    contract.check_batches(MistakeSeverity(uneven_tree), twin(uneven_tree))


@pytest.mark.parametrize("convention", ["depth", "subtree"])
def test_in_a_model(uneven_tree, convention):
    metric = MistakeSeverity(uneven_tree, convention=convention)
    contract.check_in_a_model(metric, twin(uneven_tree, convention))


def test_saved_model(uneven_tree, tmp_path):
    contract.check_saved_model(MistakeSeverity(uneven_tree), twin(uneven_tree), tmp_path)


def test_hierarchical_distance_is_error_rate_times_severity(uneven_tree):
    rng = np.random.default_rng(1)
    labels, scores = rng.integers(0, 7, 60), rng.normal(size=(60, 7))
    scores[:20] += 9 * np.eye(7)[labels[:20]]  # some right answers
    found = {}
    for metric in (
        Top1Accuracy(uneven_tree),
        MistakeSeverity(uneven_tree),
        HierarchicalDistance(uneven_tree),
    ):
        metric.update_state(labels, scores)
        found[metric.name] = float(metric.result())
    assert 0.3 < found["top1"] < 0.7
    np.testing.assert_allclose(
        found["hier_dist_1"], (1 - found["top1"]) * found["severity"], rtol=1e-6
    )


# No mistakes, empty batches, weights ---------------------------------------------------------


def test_nan_without_mistakes(tree):
    metric = measured(tree, [0, 1, 2, 3], np.eye(4))
    assert math.isnan(float(metric.result()))
    assert float(metric.mistakes) == 0.0
    assert math.isnan(float(mistake_severity([0, 1], np.eye(4)[:2], tree)))


def test_recovers_from_nan(tree):
    metric = measured(tree, [0], np.eye(4)[[0]])
    metric.update_state([0], np.eye(4)[[1]])
    assert float(metric.result()) == 1.0
    metric.reset_state()
    assert math.isnan(float(metric.result()))


def test_empty_batch(tree):
    metric = measured(tree, [0], np.eye(4)[[2]])
    metric.update_state(np.zeros(0, "int32"), np.zeros((0, 4), "float32"))
    assert float(metric.result()) == 2.0
    assert float(metric.mistakes) == 1.0
    assert math.isnan(float(mistake_severity(np.zeros(0, "int32"), np.zeros((0, 4)), tree)))


def test_sample_weight(tree):
    metric = MistakeSeverity(tree)
    metric.update_state([1, 2, 0], np.eye(4)[[0, 0, 0]], sample_weight=[3.0, 1.0, 100.0])
    assert float(metric.result()) == 1.25
    assert float(metric.mistakes) == 4.0  # total weight of the mistakes
    metric.reset_state()
    metric.update_state([1, 2], np.eye(4)[[0, 0]], sample_weight=[0.0, 0.0])
    assert math.isnan(float(metric.result()))


def test_a_class_that_never_occurs(uneven_tree):
    labels, scores = np.array([2, 2, 5]), np.eye(7)[[5, 2, 2]]
    expected = np.mean(heights(uneven_tree, labels, scores))
    np.testing.assert_allclose(float(measured(uneven_tree, labels, scores).result()), expected)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_more_labels_than_half_precision_holds(dtype):
    """301 for 300 is a near miss (1), 399 for 0 a far one (2), 257 for 257 right."""
    labels, _, scores = contract.half_precision_example(dtype)
    metric = measured(trees.wide(), labels, scores)
    assert float(metric.result()) == 1.5
    assert float(metric.mistakes) == 2.0


def test_equal_scores(tree):
    """The lower class index is the prediction."""
    assert float(mistake_severity([3], [[7, 7, 7, 7]], tree)) == 2.0
    assert math.isnan(float(mistake_severity([0], [[7, 7, 7, 7]], tree)))


# Contract ------------------------------------------------------------------------------------


def test_label_shapes(tree):
    contract.check_label_shapes(MistakeSeverity(tree).update_state, 4)
    contract.check_label_shapes(lambda y, s: mistake_severity(y, s, tree), 4)


@pytest.mark.parametrize(
    "options", [{}, {"name": "sev", "convention": "subtree", "dtype": "float64"}]
)
def test_config_round_trip(uneven_tree, options):
    contract.check_round_trip(MistakeSeverity(uneven_tree, **options))


def test_unknown_convention(tree):
    with pytest.raises(ValueError, match="`convention` must be one of"):
        MistakeSeverity(tree, convention="paths")


def test_lower_is_better(tree):
    assert MistakeSeverity(tree)._direction == "down"
    assert MistakeSeverity(tree).name == "severity"
