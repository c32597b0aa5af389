import functools
import itertools

import numpy as np
import pytest
from keras import ops

from keras_haframe.data import cifar100
from keras_haframe.metrics import HOPS, WholeOrder, hops, whole_order
from tests import brute_force
from tests.compiled import compiled
from tests.metrics import contract
from tests.trees import SHAPES, flat, labels, probabilities


def expectations(label, tree, convention="depth"):
    """Rank of every class, the ranks in the expected order and their weights, by plain loops."""
    row = brute_force.distances(tree, convention)[label].tolist()
    steps = sorted(set(row))
    rho = [steps.index(d) for d in row]
    expected = sorted(rho)
    weights, seen = [], {}
    for r in expected:
        t = seen[r] = seen.get(r, -1) + 1
        start, end = 2.0**-r, (0.0 if r == len(steps) - 1 else 2.0 ** -(r + 1))
        weights.append(start - t * (start - end) / expected.count(r))
    return rho, expected, weights


@functools.cache
def largest(expected, weights, k):
    """Over all orders of the classes, one by one."""
    return max(
        sum(w * abs(e - o) for w, e, o in zip(weights, expected, order))
        for order in itertools.permutations(expected, k)
    )


def brute(y, scores, tree, k=None, worst="reversed", convention="depth"):
    out = []
    for label, row in zip(y, scores):
        rho, expected, weights = expectations(label, tree, convention)
        n = k or len(rho)
        predicted = [rho[c] for c in brute_force.ranking(row)]
        found = sum(weights[j] * abs(expected[j] - predicted[j]) for j in range(n))
        if worst == "true":
            bound = largest(tuple(expected), tuple(weights), n)
        else:
            bound = sum(weights[j] * abs(expected[j] - expected[n - 1 - j]) for j in range(n))
        out.append(float(found == 0) if bound == 0 else min(max(1 - found / bound, 0), 1))
    return np.array(out)


def by_rank(tree, label, wanted):
    """Scores whose ranking has these ranks in front, and the others as the tree expects."""
    rho = expectations(label, tree)[0]
    left = sorted(range(len(rho)), key=lambda c: rho[c])
    order = []
    for r in wanted:
        order.append(next(c for c in left if rho[c] == r))
        left.remove(order[-1])
    scores = np.zeros((1, len(rho)), "float32")
    scores[0, order + left] = np.arange(len(rho), 0, -1)
    return scores


def test_worked_tree_by_hand(tree):
    found = hops([0, 0, 0], [[4, 3, 2, 1], [3, 4, 2, 1], [1, 2, 3, 4]], tree)
    np.testing.assert_allclose(found, [1, 1 - 1.5 / 3, 0], atol=1e-6)


def test_published_cases_on_cifar100():
    """From the outputs that the authors of Hier-COS publish."""
    tree = cifar100.class_tree()
    label = next(y for y in range(100) if max(expectations(y, tree)[0]) == 4)
    for k in (None, 1, 5, 20):
        assert float(hops([label], by_rank(tree, label, []), tree, k)[0]) == 1
    half, most = ([0, 1, 1, 4, 4], [0, 1, 1, 1, 4])
    half, most, swapped = (by_rank(tree, label, order) for order in (half, most, [1, 0]))
    assert float(hops([label], half, tree, 5)[0]) == 0
    assert float(hops([label], most, tree, 5)[0]) == pytest.approx(0.29, abs=0.005)
    found = [float(hops([label], swapped, tree, k)[0]) for k in (None, 20, 5)]
    np.testing.assert_allclose(found, [0.908, 0.803, 0], atol=5e-4)
    assert float(hops([label], half, tree, 5, worst="true")[0]) > 0.3


@pytest.mark.parametrize("convention", ["depth", "subtree"])
@pytest.mark.parametrize("shape", SHAPES)
def test_against_loops(shape, convention):
    tree = SHAPES[shape]()
    y, scores = labels(tree, 8), probabilities(tree, 8)
    near = (scores - 0.5 * tree.distances()[y]).astype("float32")
    for k in {1, 2, min(5, tree.num_classes), None}:
        for worst in ("reversed", "true") if tree.num_classes <= 6 else ("reversed",):
            options = {"worst": worst, "convention": convention}
            for values in (scores, near):
                found = hops(y, values, tree, k, **options)
                np.testing.assert_allclose(found, brute(y, values, tree, k, **options), atol=2e-6)


def test_at_one_it_is_top1(uneven_tree):
    y, p = labels(uneven_tree, 30), probabilities(uneven_tree, 30)
    for worst in ("reversed", "true"):
        found = ops.convert_to_numpy(hops(y, p, uneven_tree, 1, worst=worst))
        if worst == "reversed":
            np.testing.assert_array_equal(found, p.argmax(1) == y)
        else:  # one place: how near the answer is
            assert ((found == 1) == (p.argmax(1) == y)).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_whole_order_is_hops_of_one(shape):
    tree = SHAPES[shape]()
    y, d = np.arange(tree.num_classes), tree.distances().astype("float32")
    noise = np.random.default_rng(0).uniform(0, 0.5, d.shape).astype("float32")
    np.testing.assert_array_equal(whole_order(y, -(d + noise), tree), 1)
    np.testing.assert_array_equal(hops(y, -(d + noise), tree), 1)
    p = probabilities(tree, tree.num_classes)
    found = ops.convert_to_numpy(whole_order(y, p, tree))
    np.testing.assert_array_equal(found, ops.convert_to_numpy(hops(y, p, tree)) == 1)


def test_compiled_half_precision_and_extreme(uneven_tree):
    y, p = labels(uneven_tree, 20), probabilities(uneven_tree, 20)
    found = compiled(lambda a, b: hops(a, b, uneven_tree, 3))(y, p)
    np.testing.assert_allclose(found, brute(y, p, uneven_tree, 3), atol=1e-6)
    half = ops.cast(ops.convert_to_tensor(p), "bfloat16")
    rounded = ops.convert_to_numpy(ops.cast(half, "float32"))
    np.testing.assert_allclose(
        hops(y, half, uneven_tree), brute(y, rounded, uneven_tree), atol=1e-6
    )
    huge = np.where(p > 0.2, np.inf, -np.inf).astype("float32")
    np.testing.assert_allclose(hops(y, huge, uneven_tree), brute(y, huge, uneven_tree), atol=1e-6)


@pytest.mark.parametrize("make", [lambda t: HOPS(t), lambda t: HOPS(t, 3, worst="true"),
                                  lambda t: WholeOrder(t)])  # fmt: skip
def test_keeps_the_contract_of_tree_metrics(uneven_tree, tmp_path, make):
    def twin(y, scores):
        metric = make(uneven_tree)
        if isinstance(metric, WholeOrder):
            return np.mean(brute(y, scores, uneven_tree) == 1)
        return brute(y, scores, uneven_tree, metric.k, metric.worst).mean()

    contract.check_round_trip(make(uneven_tree))
    contract.check_batches(make(uneven_tree), twin)
    contract.check_in_a_model(make(uneven_tree), twin)
    contract.check_saved_model(make(uneven_tree), twin, tmp_path)


def test_names_and_direction(tree):
    assert [m.name for m in (HOPS(tree), HOPS(tree, 3), WholeOrder(tree))] == [
        "hops", "hops_3", "whole_order"
    ]  # fmt: skip
    assert HOPS(tree)._direction == WholeOrder(tree)._direction == "up"


@pytest.mark.parametrize("k", [0, 5, 2.0, True])
def test_refuses_wrong_k(tree, k):
    with pytest.raises(
        ValueError, match="`k` must be an integer from 1 to 4, the number of classes, or None"
    ):
        HOPS(tree, k=k)


def test_refuses_wrong_worst_and_shapes(tree):
    with pytest.raises(ValueError, match="`worst` must be one of.*Received: worst='best'"):
        HOPS(tree, worst="best")
    with pytest.raises(ValueError, match="`k` must be at most 1000 with worst='true'"):
        HOPS(flat(1001), worst="true")
    contract.check_label_shapes(lambda y, s: HOPS(tree).update_state(y, s), 4)
