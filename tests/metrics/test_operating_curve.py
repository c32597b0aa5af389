import math

import numpy as np
import pytest
from keras import ops

from keras_haframe.decisions import apply_temperature, confidence_floor, tight_thresholds
from keras_haframe.metrics import node_coverage, operating_curve
from tests.golden import golden_cases, match, numbered_tree
from tests.trees import (
    SHAPES,
    ancestors,
    classes_below,
    labels,
    probabilities,
)

RULES = ["climbing", "selective"]


def coverage(tree, node):
    return 1 - math.log2(len(classes_below(tree, node))) / math.log2(tree.num_classes)


def point(p, y, tree, threshold, rule):
    """Coverage and correctness at one threshold, from the answers themselves."""
    nodes = ops.convert_to_numpy(confidence_floor(p, tree, threshold, rule=rule)).tolist()
    right = [n in ancestors(tree, int(k)) for n, k in zip(nodes, y)]
    return np.mean([coverage(tree, n) for n in nodes]), np.mean(right)


def sample(tree, batch=15, seed=0):
    """Probabilities and labels that agree in about half of the rows."""
    p = probabilities(tree, batch, seed)
    rng = np.random.default_rng(seed)
    return p, np.where(rng.uniform(size=batch) < 0.5, p.argmax(1), labels(tree, batch, seed + 9))


def test_worked_tree_by_hand(tree):
    curve = operating_curve([1], [[0.5, 0.25, 0.25, 0.0]], tree)
    np.testing.assert_allclose(curve.thresholds, [0.5, 0.75, np.inf])
    np.testing.assert_allclose(curve.coverage, [1, 0.5, 0], atol=1e-12)
    np.testing.assert_allclose(curve.correctness, [0, 1, 1])
    assert curve.area == pytest.approx(0.25)  # risk falls from 1 to 0 over coverages 1 to 0.5


@pytest.mark.parametrize("shape", SHAPES)
def test_node_coverage(shape):
    tree = SHAPES[shape]()
    wanted = [coverage(tree, n) for n in range(tree.num_nodes)]
    np.testing.assert_allclose(node_coverage(tree), wanted, atol=1e-12)


@golden_cases("golden_ext/tree_{name}.npz")
def test_golden_coverage(golden, name):
    arrays = golden(f"golden_ext/tree_{name}.npz")
    tree = numbered_tree(arrays)
    found = node_coverage(tree)[[tree.index(str(n)) for n in arrays["hsc_nodes"]]]
    np.testing.assert_allclose(found, arrays["hsc_cov"], rtol=1e-6, atol=1e-9)


@golden_cases("golden_ext/tree_{name}.npz")
@pytest.mark.parametrize("rule, key", [("climbing", "climb"), ("selective", "sel")])
def test_golden_answers(golden, name, rule, key):
    """Coverage and correctness of the reference's answers at its thresholds."""
    arrays = golden(f"golden_ext/tree_{name}.npz")
    tree = numbered_tree(arrays)
    cov = dict(zip(arrays["hsc_nodes"].tolist(), arrays["hsc_cov"]))
    column = {int(leaf): i for i, leaf in enumerate(arrays["leaves"])}
    assert len(column) == tree.num_classes
    floors = [case["floor"] for case in match(f"hsc_{key}_pred_{{floor}}", arrays)]
    assert floors
    curve = operating_curve(
        arrays["y"], arrays["probs"], tree, thresholds=[float(f) for f in floors], rule=rule
    )
    for i, floor in enumerate(floors):
        nodes = arrays[f"hsc_{key}_pred_{floor}"]
        right = arrays["ancestor"][nodes, arrays["y"]]
        assert curve.coverage[i] == pytest.approx(np.mean([cov[int(n)] for n in nodes]), abs=1e-9)
        assert curve.correctness[i] == pytest.approx(right.mean(), abs=1e-9)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_point_is_that_of_the_answers(shape, rule):
    tree = SHAPES[shape]()
    p, y = sample(tree, 7)
    curve = operating_curve(y, p, tree, rule=rule)
    found = list(zip(curve.coverage, curve.correctness))
    wanted = [point(p, y, tree, float(t), rule) for t in curve.thresholds]
    np.testing.assert_allclose(found, wanted, atol=1e-9)
    # Between the thresholds nothing changes, so the curve misses no operating point.
    finite = curve.thresholds[:-1].astype("float64")
    for low, high, after in zip(finite, finite[1:], found[1:]):
        if high - low > 1e-5:
            np.testing.assert_allclose(point(p, y, tree, (low + high) / 2, rule), after, atol=1e-9)


@pytest.mark.parametrize("rule", RULES)
def test_area_is_the_integral_of_risk_over_coverage(uneven_tree, rule):
    p, y = sample(uneven_tree, 30)
    curve = operating_curve(y, p, uneven_tree, rule=rule)
    area, last = 0.0, point(p, y, uneven_tree, 0.0, rule)
    for threshold in curve.thresholds:
        c, r = point(p, y, uneven_tree, float(threshold), rule)
        area += (last[0] - c) * ((1 - last[1]) + (1 - r)) / 2
        last = (c, r)
    assert curve.area == pytest.approx(area, abs=1e-9)


def test_ends_of_the_curve(uneven_tree):
    p, y = sample(uneven_tree, 40)
    curve = operating_curve(y, p, uneven_tree)
    assert curve.coverage[0] == pytest.approx(1) and curve.coverage[-1] == pytest.approx(0)
    assert curve.correctness[0] == pytest.approx(np.mean(p.argmax(1) == y))
    assert curve.correctness[-1] == pytest.approx(1)
    assert (np.diff(curve.thresholds) > 0).all()
    assert (np.diff(curve.coverage) < 1e-12).all() and (np.diff(curve.correctness) > -1e-12).all()


def test_given_thresholds_pick_points_and_keep_the_area(uneven_tree):
    p, y = sample(uneven_tree, 25)
    grid = np.linspace(0, 1.01, 12)
    whole = operating_curve(y, p, uneven_tree)
    curve = operating_curve(y, p, uneven_tree, thresholds=grid[::-1])
    np.testing.assert_allclose(curve.thresholds, grid, rtol=1e-6)
    wanted = [point(p, y, uneven_tree, t, "climbing") for t in grid]
    np.testing.assert_allclose(list(zip(curve.coverage, curve.correctness)), wanted, atol=1e-9)
    assert curve.area == whole.area
    single = operating_curve(y, p, uneven_tree, thresholds=0.5)
    assert single.coverage.shape == (1,) and single.area == whole.area


def test_climbing_covers_no_less_than_selective_at_the_same_threshold(uneven_tree):
    p, y = sample(uneven_tree, 60)
    grid = np.linspace(0, 1, 20)
    climbing = operating_curve(y, p, uneven_tree, thresholds=grid)
    selective = operating_curve(y, p, uneven_tree, thresholds=grid, rule="selective")
    assert (climbing.coverage >= selective.coverage - 1e-12).all()


def test_flat_tree_has_one_rule():
    tree = SHAPES["flat"]()
    p, y = sample(tree, 20)
    a, b = (operating_curve(y, p, tree, rule=r) for r in RULES)
    np.testing.assert_array_equal(a.coverage, b.coverage)
    assert a.area == b.area


def test_tight_thresholds_are_where_correctness_rises(tree):
    p, y = sample(tree, 30)
    tight = np.sort(tight_thresholds(y, p, tree))
    curve = operating_curve(y, p, tree, thresholds=tight)
    reached = [np.mean(tight <= t) for t in tight]
    np.testing.assert_allclose(curve.correctness, reached, atol=1e-9)


def test_temperature_moves_thresholds_but_keeps_the_ends(tree):
    logits = np.random.default_rng(0).normal(size=(50, 4)) * 4
    y = labels(tree, 50)
    sharp, soft = (operating_curve(y, apply_temperature(logits, t), tree) for t in (1.0, 3.0))
    assert sharp.correctness[0] == pytest.approx(soft.correctness[0])
    assert not np.allclose(sharp.thresholds[:5], soft.thresholds[:5])


def test_one_example_ties_and_certainty(tree):
    curve = operating_curve([0], np.full((1, 4), 0.25), tree)
    np.testing.assert_allclose(curve.thresholds, [0.25, 0.5, np.inf])
    assert curve.area == 0
    # truck and land change place with the root
    curve = operating_curve([0], [[0.0, 1, 0, 0]], tree)
    np.testing.assert_allclose(curve.thresholds, [1, np.inf])
    np.testing.assert_allclose(curve.correctness, [0, 1])
    assert curve.area == pytest.approx(0.5)


def test_ties_do_not_depend_on_the_order_of_examples_or_of_the_tree(uneven_tree):
    """Equal probabilities change many answers at one threshold: no point in between may count."""
    rng = np.random.default_rng(0)
    p = (
        np.array(
            [
                rng.multinomial(8, row / row.sum())
                for row in probabilities(uneven_tree, 30).astype("float64")
            ]
        )
        / 8
    )
    y = labels(uneven_tree, 30)
    first = operating_curve(y, p, uneven_tree)
    order = np.random.default_rng(0).permutation(30)
    second = operating_curve(y[order], p[order], uneven_tree)
    assert len(first.thresholds) < 12
    np.testing.assert_allclose(first.correctness, second.correctness, atol=1e-12)
    assert first.area == pytest.approx(second.area, abs=1e-12)


def test_refuses_what_has_no_curve(tree):
    p, y = sample(tree, 3)
    with pytest.raises(ValueError, match="`rule` must be one of"):
        operating_curve(y, p, tree, rule="max_coverage")
    with pytest.raises(ValueError, match="at least one example"):
        operating_curve([], np.zeros((0, 4)), tree)
    with pytest.raises(ValueError, match="2 labels for 3 examples"):
        operating_curve(y[:2], p, tree)
    with pytest.raises(ValueError, match=r"\[batch, 4\]"):
        operating_curve(y, p[:, :3], tree)
