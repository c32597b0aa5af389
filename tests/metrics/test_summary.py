"""The papers' table row against walking the tree and sorting by hand."""

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.metrics import summary
from keras_haframe.metrics import summary as function
from tests import brute_force
from tests.trees import SHAPES, labels, probabilities


def brute(y, scores, tree, ranks):
    distances = brute_force.distances(tree)
    rankings = [brute_force.ranking(row) for row in scores]
    wrong = [distances[r[0], k] for r, k in zip(rankings, y) if r[0] != k]
    result = {
        "top1": np.mean([r[0] == k for r, k in zip(rankings, y)]),
        "severity": np.mean(wrong) if wrong else np.nan,
        "mistakes": len(wrong),
    }
    for n in ranks:
        each = [np.mean([distances[c, k] for c in r[:n]]) for r, k in zip(rankings, y)]
        result[f"hier_dist_{n}"] = np.mean(each)
    return result


@pytest.mark.parametrize("shape", SHAPES)
def test_against_brute_force(shape):
    tree = SHAPES[shape]()
    y, scores = labels(tree, 30), probabilities(tree, 30)
    ranks = [k for k in (1, 5, 20) if k <= tree.num_classes]
    found, expected = summary(y, scores, tree), brute(y, scores, tree, ranks)
    assert set(found) == set(expected)
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-6, nan_ok=True)
    assert type(found["mistakes"]) is int
    assert all(type(found[name]) is float for name in set(found) - {"mistakes"})


def test_worked_tree_by_hand(tree):
    scores = [[4, 3, 2, 1], [4, 3, 2, 1], [4, 3, 2, 1], [1, 2, 3, 4]]
    found = summary([0, 1, 2, 3], scores, tree, ranks=(1, 2))
    # car: right; truck as car: 1; jet as car: 2; glider: right
    assert found == pytest.approx(
        {
            "top1": 0.5,
            "severity": 1.5,
            "mistakes": 2,
            "hier_dist_1": 0.75,
            "hier_dist_2": (0.5 + 0.5 + 2 + 0.5) / 4,
        },
        rel=1e-6,
    )


def test_hier_dist_1_is_mistakes_times_severity(uneven_tree):
    found = summary(labels(uneven_tree, 50), probabilities(uneven_tree, 50), uneven_tree)
    assert found["hier_dist_1"] == pytest.approx((1 - found["top1"]) * found["severity"], rel=1e-5)
    assert found["mistakes"] == round(50 * (1 - found["top1"]))


def test_batches_do_not_matter(uneven_tree, monkeypatch):
    """Weighted by their size: the last batch is a small one."""
    y, scores = labels(uneven_tree, 23), probabilities(uneven_tree, 23)
    whole = summary(y, scores, uneven_tree)
    # The package hides the module behind its function of the same name.
    monkeypatch.setitem(function.__globals__, "BATCH", 5)
    assert summary(y, scores, uneven_tree) == pytest.approx(whole, rel=1e-6)
    assert whole == pytest.approx(brute(y, scores, uneven_tree, (1, 5)), rel=1e-5)


def test_no_mistakes(tree):
    found = summary([0, 1, 2, 3], np.eye(4), tree)
    assert np.isnan(found["severity"])
    assert (found["top1"], found["mistakes"], found["hier_dist_1"]) == (1.0, 0, 0.0)


def test_ranks_above_the_number_of_classes_are_left_out(tree):
    scores = np.eye(4)
    assert set(summary([0, 1], scores[:2], tree)) == {"top1", "severity", "mistakes", "hier_dist_1"}
    assert "hier_dist_4" in summary([0, 1], scores[:2], tree, ranks=(4, 5))
    with pytest.raises(ValueError, match="`k` must be an integer from 1"):
        summary([0, 1], scores[:2], tree, ranks=(0,))


def test_takes_what_predict_and_keras_give(tree):
    y, scores = labels(tree, 12), probabilities(tree, 12)
    expected = summary(y, scores, tree)
    tensors = keras.ops.convert_to_tensor(y), keras.ops.convert_to_tensor(scores)
    assert summary(*tensors, tree) == expected
    assert summary(y.tolist(), scores.tolist(), tree) == expected
    assert summary(y, scores, tree.get_config()) == expected


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_labels_above_256_under_half_precision_policies(policy):
    keras.config.set_dtype_policy(policy)
    tree = kh.ClassTree([("root", f"g{i}") for i in range(2)] + [
        (f"g{i % 2}", f"c{i}") for i in range(300)
    ])  # fmt: skip
    scores = np.zeros((3, 300), "float32")
    scores[range(3), [257, 299, 258]] = 1.0
    found = summary([257, 299, 259], scores, tree, ranks=(1,))
    assert found["mistakes"] == 1 and found["severity"] == 2.0


def test_errors(tree):
    with pytest.raises(ValueError, match=r"Scores must have shape \[batch, 4\].*\(2, 3\)"):
        summary([0, 1], np.zeros((2, 3)), tree)
    with pytest.raises(ValueError, match=r"Drop the last axis"):
        summary([[0], [1]], np.zeros((2, 4)), tree)
    with pytest.raises(
        ValueError, match=r"one label per example. Received: 3 labels for 2 examples"
    ):
        summary([0, 1, 2], np.zeros((2, 4)), tree)
    with pytest.raises(ValueError, match=r"Received: 1 labels for 2 examples"):
        summary([0], np.zeros((2, 4)), tree)
    with pytest.raises(ValueError, match="At least 1 example"):
        summary(np.zeros(0, "int32"), np.zeros((0, 4)), tree)
    with pytest.raises(ValueError, match=r"from 0 to 3.*Received label 4"):
        summary([0, 4], np.zeros((2, 4)), tree)
    with pytest.raises(ValueError, match=r"Received label -1"):
        summary([0, -1], np.zeros((2, 4)), tree)
    with pytest.raises(ValueError, match=r"NaN"):
        summary([0, 1], np.full((2, 4), np.nan), tree)
