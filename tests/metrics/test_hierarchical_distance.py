"""Hierarchical distance@k: the mean LCA height of the k best-ranked classes."""

import numpy as np
import pytest
from keras import ops

from keras_haframe.metrics import HierarchicalDistance, hierarchical_distance
from tests import trees
from tests.brute_force import distance, ranking, softmax
from tests.golden import golden_cases, match
from tests.metrics import contract
from tests.trees import random_tree


def each(tree, labels, scores, k, convention="depth"):
    """Distance@k of every example, by sorting and walking."""
    return [
        sum(distance(tree, int(y), c, convention) for c in ranking(s)[:k]) / k
        for y, s in zip(labels, scores)
    ]


def twin(tree, k, convention="depth"):
    return lambda labels, scores: float(np.mean(each(tree, labels, scores, k, convention)))


# Values --------------------------------------------------------------------------------------


def test_by_hand(tree):
    """Ranking car, truck, jet, glider: of a car 0, 1, 2, 2; of a glider 2, 2, 1, 0."""
    for k, car, glider in ((1, 0, 2), (2, 0.5, 2), (3, 1, 5 / 3), (4, 1.25, 1.25)):
        found = hierarchical_distance([0, 3], [[4, 3, 2, 1]] * 2, tree, k)
        np.testing.assert_allclose(ops.convert_to_numpy(found), [car, glider], rtol=1e-6)
        metric = HierarchicalDistance(tree, k)
        metric.update_state([0, 3], [[4, 3, 2, 1]] * 2)
        np.testing.assert_allclose(float(metric.result()), (car + glider) / 2, rtol=1e-6)


@pytest.mark.parametrize("convention", ["depth", "subtree"])
def test_random_trees(convention):
    rng = np.random.default_rng(0)
    for classes in (2, 6, 25):
        tree = random_tree(rng, classes)
        labels, scores = rng.integers(0, classes, 30), rng.normal(size=(30, classes))
        for k in {1, 2, classes // 2, classes}:
            expected = each(tree, labels, scores, k, convention)
            found = hierarchical_distance(labels, scores, tree, k, convention=convention)
            np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-6)
            metric = HierarchicalDistance(tree, k, convention=convention)
            metric.update_state(labels, scores)
            np.testing.assert_allclose(float(metric.result()), np.mean(expected), rtol=1e-6)


def test_conventions_on_the_uneven_tree(uneven_tree):
    """Ranking l1, e, ...: of l0 they are 2 and 4 away by depth, 1 and 4 by subtree height."""
    scores = np.zeros((1, 7))
    scores[0, uneven_tree.index("l1")], scores[0, uneven_tree.index("e")] = 2, 1
    label = [uneven_tree.index("l0")]
    assert float(hierarchical_distance(label, scores, uneven_tree, 2)[0]) == 3.0
    assert (
        float(hierarchical_distance(label, scores, uneven_tree, 2, convention="subtree")[0]) == 2.5
    )


def test_all_classes_do_not_depend_on_the_scores(uneven_tree):
    rng = np.random.default_rng(1)
    labels = np.arange(7)
    one, other = (
        ops.convert_to_numpy(hierarchical_distance(labels, rng.normal(size=(7, 7)), uneven_tree, 7))
        for _ in range(2)
    )
    np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 6])
def test_among_equal_scores_the_lower_index_ranks_first(uneven_tree, k):
    """On every backend: PyTorch's own top-k picks any of equals."""
    scores = np.array(
        [[0, 1, 1, 0, 1, 1, 0], [2, 2, 2, 2, 2, 2, 2], [0, 0, 0, 0, 0, 3, 0]], "float32"
    )
    labels = np.array([0, 6, 2])
    found = hierarchical_distance(labels, scores, uneven_tree, k)
    np.testing.assert_allclose(
        ops.convert_to_numpy(found), each(uneven_tree, labels, scores, k), rtol=1e-6
    )


def test_ties_among_many_classes():
    """400 equal scores: the first k classes are the best."""
    tree = trees.wide()
    for k in (1, 5, 20, 21):
        found = hierarchical_distance([5], np.zeros((1, 400), "float32"), tree, k)
        expected = {1: 1, 5: 1, 20: 19 / 20, 21: 21 / 21}[k]  # class 5 is of the first group of 20
        np.testing.assert_allclose(float(found[0]), expected, rtol=1e-6)


# Golden vectors ------------------------------------------------------------------------------


@golden_cases("golden/crm_metrics.npz", "{name}__metrics_{decision}")
def test_golden(golden, benchmark_tree, name, decision):
    """Of the plain ranking, and of the reference's CRM ranking turned back into scores."""
    file = golden("golden/crm_metrics.npz")
    tree, labels, scores = benchmark_tree(name), file[f"{name}__labels"], file[f"{name}__logits"]
    if decision == "crm":
        best = file[f"{name}__crm_top20"]
        scores = np.zeros_like(scores)
        np.put_along_axis(scores, best, np.arange(best.shape[1], 0, -1.0)[None], axis=1)
    values = dict(zip(file["metric_names"].tolist(), file[f"{name}__metrics_{decision}"]))
    for case in match("hierdist@{k}", values):
        metric = HierarchicalDistance(tree, int(case["k"]))
        metric.update_state(labels, scores)
        expected = values["hierdist@{k}".format(**case)]
        np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-6)


@golden_cases("golden/run_summary_metrics.npz", "{name}__logits")
def test_golden_summary(golden, benchmark_tree, name):
    """The reference's evaluation loop, in four batches.

    `dist_avg` is this metric; `dist_mistakes/avg` is the same over the mistakes alone, which
    sample weights pick out. Not here: `dist_top` (best distance among the first k) and top-k
    accuracy, which this library does not define, and `dist_precision` and `dist_mAP`, which the
    reference divides by sums over the wrong axis (quirk Q9 of the specification).
    """
    file = golden("golden/run_summary_metrics.npz")
    summary = dict(zip(file["summary_names"].tolist(), file["summary_values"]))
    tree = benchmark_tree(name)
    labels, scores = file[f"{name}__labels"], file[f"{name}__logits"]
    mistake = (scores.argmax(1) != labels).astype("float32")
    cases = match("ilsvrc_dist_avg/{k}", summary)
    assert cases
    for k in (case["k"] for case in cases):
        metric, of_mistakes = (HierarchicalDistance(tree, int(k)) for _ in range(2))
        for batch in np.array_split(np.arange(len(labels)), 4):
            metric.update_state(labels[batch], scores[batch])
            of_mistakes.update_state(labels[batch], scores[batch], mistake[batch])
        expected = [summary[f"ilsvrc_dist_{kind}{k}"] for kind in ("avg/", "mistakes/avg")]
        found = [float(metric.result()), float(of_mistakes.result())]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


# Streaming -----------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3, 7])
def test_batches(uneven_tree, k):
    contract.check_batches(HierarchicalDistance(uneven_tree, k), twin(uneven_tree, k))


@pytest.mark.parametrize("convention", ["depth", "subtree"])
@pytest.mark.parametrize("k", [1, 3, 7])
def test_in_a_model(uneven_tree, k, convention):
    metric = HierarchicalDistance(uneven_tree, k, convention=convention)
    contract.check_in_a_model(metric, twin(uneven_tree, k, convention))


def test_saved_model(uneven_tree, tmp_path):
    contract.check_saved_model(HierarchicalDistance(uneven_tree, 2), twin(uneven_tree, 2), tmp_path)


def test_sample_weight(tree):
    metric = HierarchicalDistance(tree, 2)
    metric.update_state([0, 3], [[4, 3, 2, 1]] * 2, sample_weight=[3.0, 1.0])
    assert float(metric.result()) == (3 * 0.5 + 2) / 4


def test_scores_may_be_any_rising_function(uneven_tree):
    """Logits and their probabilities rank alike."""
    rng = np.random.default_rng(2)
    labels, logits = rng.integers(0, 7, 20), rng.normal(size=(20, 7)).astype("float32")
    found = [
        ops.convert_to_numpy(hierarchical_distance(labels, s, uneven_tree, 3))
        for s in (logits, softmax(logits))
    ]
    np.testing.assert_array_equal(*found)


# Extreme inputs ------------------------------------------------------------------------------


def test_no_examples(tree):
    metric = HierarchicalDistance(tree, 2)
    metric.update_state(np.zeros(0, "int32"), np.zeros((0, 4), "float32"))
    assert float(metric.result()) == 0.0
    found = hierarchical_distance(np.zeros(0, "int32"), np.zeros((0, 4), "float32"), tree, 2)
    assert tuple(found.shape) == (0,)


def test_huge_scores(tree):
    scores = np.array([[1e4, -1e4, 1e30, -np.inf]], "float32")  # jet, car, truck, glider
    np.testing.assert_allclose(float(hierarchical_distance([0], scores, tree, 3)[0]), 1.0)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_more_labels_than_half_precision_holds(dtype):
    labels, _, scores = contract.half_precision_example(dtype)
    found = hierarchical_distance(labels, scores, trees.wide(), 1)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), [0, 0, 2, 1])


def test_five_thousand_classes():
    tree = trees.wide(50, 100)
    scores = np.zeros((2, 5000), "float32")
    scores[0, [4999, 4950, 0]] = [3, 2, 1]
    scores[1, [4999, 4950, 0]] = [1, 2, 3]
    for k, expected in ((1, [0, 2]), (2, [0.5, 1.5]), (3, [1, 1])):
        found = hierarchical_distance([4999, 4999], scores, tree, k)
        np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-6)


# Errors and contract -------------------------------------------------------------------------


@pytest.mark.parametrize("k", [0, -1, 5, 2.0, "1", True, None])
def test_k_out_of_range(tree, k):
    message = rf"`k` must be an integer from 1 to 4, the number of classes. Received: k={k!r}"
    with pytest.raises(ValueError, match=message):
        HierarchicalDistance(tree, k)
    with pytest.raises(ValueError, match=message):
        hierarchical_distance([0], [[1, 2, 3, 4]], tree, k)


def test_label_shapes(tree):
    contract.check_label_shapes(HierarchicalDistance(tree, 2).update_state, 4)
    contract.check_label_shapes(lambda y, s: hierarchical_distance(y, s, tree, 2), 4)


@pytest.mark.parametrize(
    "options", [{}, {"k": 5}, {"k": 2, "name": "hd", "convention": "subtree", "dtype": "float64"}]
)
def test_config_round_trip(uneven_tree, options):
    contract.check_round_trip(HierarchicalDistance(uneven_tree, **options))


def test_names(tree):
    assert HierarchicalDistance(tree, 3).name == "hier_dist_3"
    assert HierarchicalDistance(tree, 3, name="hd").name == "hd"
    assert HierarchicalDistance(tree)._direction == "down"
