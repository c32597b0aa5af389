import math
import sys

import numpy as np
import pytest
from keras import ops

from keras_haframe.decisions import calibrate_threshold, confidence_floor, tight_thresholds
from keras_haframe.decisions.calibrate_threshold import nested_answers
from tests.golden import golden_cases, numbered_tree
from tests.trees import (
    SHAPES,
    ancestors,
    classes_below,
    labels,
    probabilities,
)

RULES = ["climbing", "selective"]


def right(tree, nodes, y):
    return np.array([int(n) in ancestors(tree, k) for n, k in zip(ops.convert_to_numpy(nodes), y)])


def brute_tight(p, y, tree, rule="climbing"):
    """Walk up from the best class until the node holds the label."""
    best = int(np.argmax(p))
    way = ancestors(tree, best) if rule == "climbing" else [best, tree.num_nodes - 1]
    if best == y:
        return 0.0, None
    i = next(i for i, n in enumerate(way) if y in classes_below(tree, n))

    def value(n):
        if n == tree.num_nodes - 1:
            return 1.0
        return sum(float(p[k]) for k in classes_below(tree, n))

    wrong, good = value(way[i - 1]), value(way[i])
    return wrong + 1e-6 * (good - wrong), wrong


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", SHAPES)
def test_tight_thresholds_against_loops(shape, rule):
    tree = SHAPES[shape]()
    p, y = probabilities(tree, 12), labels(tree, 12)
    wanted = [brute_tight(a, b, tree, rule)[0] for a, b in zip(p, y)]
    np.testing.assert_allclose(
        tight_thresholds(y, p, tree, rule=rule), wanted, rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", SHAPES)
def test_tight_thresholds_are_just_enough(shape, rule):
    tree = SHAPES[shape]()
    p, y = probabilities(tree, 40, seed=8), labels(tree, 40)
    tight = tight_thresholds(y, p, tree, rule=rule)
    assert tight.dtype == p.dtype and (tight > 0).any()
    assert right(tree, confidence_floor(p, tree, tight, rule=rule), y).all()
    # The margin is a millionth of a probability: two of them less, and the answer is wrong.
    less = np.maximum(tight - 2e-6, 0)
    answered = right(tree, confidence_floor(p, tree, less, rule=rule), y)
    assert not answered[tight > 0].any()


@golden_cases("golden_ext/tree_{name}.npz", "hsc_quantile_{miss}")
def test_golden(golden, name, miss):
    arrays = golden(f"golden_ext/tree_{name}.npz")
    tree, accuracy = numbered_tree(arrays), round(1 - float(miss), 9)
    tight = tight_thresholds(arrays["y"], arrays["probs"], tree)
    np.testing.assert_allclose(tight, arrays["hsc_tight_thresholds"], rtol=1e-6, atol=2e-7)
    # The reference interpolates the plain quantile; ours is the conformal one, never smaller.
    quantile = np.quantile(tight, accuracy)
    np.testing.assert_allclose(quantile, arrays[f"hsc_quantile_{miss}"], rtol=1e-6)
    ours = calibrate_threshold(arrays["y"], arrays["probs"], tree, accuracy=accuracy)
    rank = math.ceil(round((len(tight) + 1) * accuracy, 9))
    assert ours == (np.sort(tight)[rank - 1] if rank <= len(tight) else math.inf)
    assert ours >= quantile


def test_worked_tree_by_hand(tree):
    # car is answered for a truck: wrong up to 0.5, then land (0.75) is right.
    tight = tight_thresholds([0, 1, 2], [[0.5, 0.25, 0.25, 0.0]] * 3, tree)
    np.testing.assert_allclose(tight, [0.0, 0.5 + 0.25e-6, 0.75 + 0.25e-6], rtol=1e-6)
    assert tight[1] > 0.5 and tight[2] > 0.75


@pytest.mark.parametrize(
    "accuracy", [0.8, *(pytest.param(a, marks=pytest.mark.slow) for a in (0.5, 0.7, 0.9, 0.95))]
)
@pytest.mark.parametrize("rule", RULES)
def test_the_guarantee_leave_one_out(uneven_tree, rule, accuracy):
    """Each example in turn is the new one: the share answered rightly reaches the accuracy.

    For exchangeable examples the guarantee is exactly the mean of this over all data sets, and it
    holds for every data set by itself.
    """
    p, y = probabilities(uneven_tree, 40, seed=2), labels(uneven_tree, 40)
    hits = 0
    for i in range(len(p)):
        rest = np.arange(len(p)) != i
        threshold = calibrate_threshold(y[rest], p[rest], uneven_tree, accuracy, rule=rule)
        nodes = confidence_floor(p[i : i + 1], uneven_tree, threshold, rule=rule)
        hits += right(uneven_tree, nodes, y[i : i + 1])[0]
    assert hits >= accuracy * len(p)
    # And it is not bought by always answering the root (no ties among the wrong ones here).
    if accuracy > 0.5:
        assert hits <= math.ceil(accuracy * len(p)) + 1


def test_calibration_set_itself_reaches_the_accuracy(tree):
    p, y = probabilities(tree, 200), labels(tree, 200)
    for accuracy in (0.6, 0.8, 0.95):
        threshold = calibrate_threshold(y, p, tree, accuracy)
        assert right(tree, confidence_floor(p, tree, threshold), y).mean() >= accuracy


def test_too_few_examples_mean_always_the_root(tree):
    p, y = probabilities(tree, 9), labels(tree, 9)
    assert calibrate_threshold(y[:8], p[:8], tree, 0.9) == math.inf
    assert calibrate_threshold(y, p, tree, 0.9) == tight_thresholds(y, p, tree).max()
    nodes = confidence_floor(p, tree, math.inf)
    assert (ops.convert_to_numpy(nodes) == tree.num_nodes - 1).all()


def test_all_right_needs_no_floor(tree):
    y = [0, 1, 2] * 8
    assert calibrate_threshold(y, np.eye(4, dtype="float32")[y], tree, 0.9) == 0


def test_rounding_does_not_move_the_rank(tree):
    """100 * 0.55 is 55.00000000000001 in floating point; the rank is 55, not 56."""
    p, y = probabilities(tree, 99), labels(tree, 99)
    wanted = np.sort(tight_thresholds(y, p, tree))[54]
    assert calibrate_threshold(y, p, tree, 0.55) == wanted


def test_mass_that_is_all_in_the_wrong_class(tree):
    """Truck, land and root all have probability 1: only a threshold above 1 gets past the truck."""
    p = np.array([[0.0, 1, 0, 0]], "float32")
    tight = tight_thresholds([0], p, tree)
    assert 1 < tight[0] < 1.000001
    assert right(tree, confidence_floor(p, tree, tight), [0]).all()
    assert not right(tree, confidence_floor(p, tree, 1.0), [0]).any()


def test_half_precision_is_calibrated_and_decided_alike(tree):
    p = ops.cast(ops.convert_to_tensor(probabilities(tree, 30)), "bfloat16")
    y = labels(tree, 30)
    tight = tight_thresholds(y, p, tree)
    assert right(tree, confidence_floor(p, tree, tight), y).all()


def test_the_empty_batch(tree):
    none = np.zeros((0, 4), "float32")
    assert tight_thresholds([], none, tree).shape == (0,)
    with pytest.raises(ValueError, match="at least one calibration example"):
        calibrate_threshold([], none, tree, 0.9)


@pytest.mark.parametrize("accuracy", [0, 1, -0.5, 90, True, float("nan")])
def test_refuses_accuracies_that_are_no_share(tree, accuracy):
    with pytest.raises(ValueError, match="`accuracy` must be between 0 and 1"):
        calibrate_threshold([0, 1, 2], probabilities(tree, 3), tree, accuracy)


def test_refuses_rules_without_a_guarantee_and_wrong_labels(tree):
    p = probabilities(tree, 3)
    with pytest.raises(ValueError, match="only their answers grow coarser"):
        calibrate_threshold([0, 1, 2], p, tree, 0.9, rule="jumping")
    with pytest.raises(ValueError, match="Received label 4"):
        calibrate_threshold([0, 1, 4], p, tree, 0.9)
    with pytest.raises(ValueError, match="2 labels for 3 examples"):
        calibrate_threshold([0, 1], p, tree, 0.9)


def test_rows_are_taken_in_parts(monkeypatch):
    tree = SHAPES["random1"]()
    p, y = probabilities(tree, 50), labels(tree, 50)
    whole = tight_thresholds(y, p, tree)
    monkeypatch.setattr(sys.modules[nested_answers.__module__], "ENTRIES", 7 * tree.num_nodes)
    np.testing.assert_array_equal(tight_thresholds(y, p, tree), whole)
    assert len(tight_thresholds([], p[:0], tree)) == 0
