"""Top-1 accuracy."""

import numpy as np
import pytest
from keras import ops

from keras_haframe.metrics import Top1Accuracy
from tests import trees
from tests.brute_force import ranking
from tests.golden import golden_cases
from tests.metrics import contract


def twin(labels, scores):
    return float(np.mean([ranking(s)[0] == y for y, s in zip(labels, scores)]))


def test_by_hand(tree):
    metric = Top1Accuracy(tree)
    metric.update_state([0, 1, 2, 3], [[9, 0, 0, 0], [0, 9, 0, 0], [0, 0, 0, 9], [0, 0, 0, 9]])
    assert float(metric.result()) == 0.75


def test_batches(uneven_tree):
    contract.check_batches(Top1Accuracy(uneven_tree), twin)


def test_in_a_model(uneven_tree):
    contract.check_in_a_model(Top1Accuracy(uneven_tree), twin)


def test_saved_model(tree, tmp_path):
    contract.check_saved_model(Top1Accuracy(tree), twin, tmp_path)


def test_among_equal_scores_the_lower_index_wins(tree):
    scores = [[0, 5, 5, 1], [2, 2, 2, 2], [1, 0, 1, 1]]
    for labels, expected in (([1, 0, 0], 1.0), ([2, 1, 3], 0.0)):
        metric = Top1Accuracy(tree)
        metric.update_state(labels, scores)
        assert float(metric.result()) == expected


@golden_cases("golden/run_summary_metrics.npz", "{name}__logits")
def test_golden(golden, benchmark_tree, name):
    file = golden("golden/run_summary_metrics.npz")
    summary = dict(zip(file["summary_names"].tolist(), file["summary_values"]))
    metric = Top1Accuracy(benchmark_tree(name))
    metric.update_state(file[f"{name}__labels"], file[f"{name}__logits"])
    np.testing.assert_allclose(100 * float(metric.result()), summary["accuracy_top/01"], rtol=1e-6)


@golden_cases("golden/crm_metrics.npz", "{name}__metrics_base")
def test_golden_crm_file(golden, benchmark_tree, name):
    file = golden("golden/crm_metrics.npz")
    metric = Top1Accuracy(benchmark_tree(name))
    metric.update_state(file[f"{name}__labels"], file[f"{name}__logits"])
    expected = dict(zip(file["metric_names"].tolist(), file[f"{name}__metrics_base"]))
    np.testing.assert_allclose(100 * float(metric.result()), expected["top1_percent"], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_more_labels_than_half_precision_holds(dtype):
    labels, best, scores = contract.half_precision_example(dtype)
    metric = Top1Accuracy(trees.wide())
    metric.update_state(labels, scores)
    assert float(metric.result()) == np.mean(labels == best) == 0.5


def test_counts_stay_exact(tree):
    """Ten thousand examples, one wrong."""
    metric = Top1Accuracy(tree)
    scores = np.tile(np.array([1.0, 0, 0, 0], "float32"), (10_000, 1))
    labels = np.zeros(10_000, "int64")
    labels[77] = 3
    metric.update_state(labels, scores)
    assert float(metric.total) == 9999.0
    assert float(metric.count) == 10_000.0


def test_no_examples(tree):
    metric = Top1Accuracy(tree)
    assert float(metric.result()) == 0.0
    metric.update_state(np.zeros(0, "int32"), np.zeros((0, 4), "float32"))
    assert float(metric.result()) == 0.0


def test_huge_scores(tree):
    metric = Top1Accuracy(tree)
    scores = [[1e4, -1e4, 0, 0], [-np.inf, -1e30, -np.inf, -np.inf], [0, 0, np.inf, 1e30]]
    metric.update_state([0, 1, 2], np.array(scores, "float32"))
    assert float(metric.result()) == 1.0


def test_sample_weight(tree):
    metric = Top1Accuracy(tree)
    metric.update_state([0, 0, 1], np.eye(4)[[0, 1, 1]], sample_weight=[2.0, 1.0, 1.0])
    assert float(metric.result()) == 0.75


def test_label_shapes(tree):
    contract.check_label_shapes(Top1Accuracy(tree).update_state, 4)


@pytest.mark.parametrize("options", [{}, {"name": "accuracy", "dtype": "float64"}])
def test_config_round_trip(uneven_tree, options):
    contract.check_round_trip(Top1Accuracy(uneven_tree, **options))


def test_higher_is_better(tree):
    assert Top1Accuracy(tree)._direction == "up"
    assert Top1Accuracy(tree).name == "top1"


def test_values_are_zeros_and_ones(tree):
    values, weights = Top1Accuracy(tree).values(
        ops.convert_to_tensor([0, 1], dtype="int32"), ops.convert_to_tensor(np.eye(4)[[0, 3]])
    )
    assert weights is None
    np.testing.assert_array_equal(ops.convert_to_numpy(values), [True, False])
