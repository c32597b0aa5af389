"""Conformal sets against sets of classes grown in loops: equal, nested, and covering as stated."""

import itertools
import math

import numpy as np
import pytest

from keras_haframe.decisions import SetThreshold, calibrate_sets, conformal_sets, set_scores
from tests import trees
from tests.trees import classes_below

TREES = {name: make() for name, make in trees.SHAPES.items()}


def grown(tree, p, most):
    """All sets C_1, C_2, ... of one example, as lists of nodes, by loops over pairs of nodes."""
    below = {n: frozenset(classes_below(tree, n)) for n in range(tree.num_nodes)}
    walk = {k: i for i, k in enumerate(tree.leaf_ranges[0].tolist())}
    nodes, found = [], []
    for leaf in sorted(range(len(p)), key=lambda k: (-p[k], k)):
        if not any(leaf in below[n] for n in nodes):
            nodes = [*nodes, leaf]
        if len(nodes) > most:
            tops = []
            for a, b in itertools.combinations(nodes, 2):
                above = [n for n in below if below[a] | below[b] <= below[n]]
                # Of a chain that holds the same classes, the lowest.
                top = min(above, key=lambda n: (len(below[n]), -tree.depths[n]))
                tops.append((len(below[top]), min(walk[k] for k in below[top]), top))
            top = min(tops)[2]
            nodes = [n for n in nodes if not below[n] <= below[top]] + [top]
        nodes = sorted(nodes, key=lambda n: min(walk[k] for k in below[n]))
        found.append(nodes)
    return found


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("name", sorted(TREES))
def test_sets_grow_as_in_loops(name, most):
    tree = TREES[name]
    p = trees.probabilities(tree, 6, seed=most)
    for row in p:
        order = np.argsort(-row, kind="stable")
        mass = np.concatenate([[0.0], np.cumsum(row[order], dtype=np.float64)[:-1]])
        expected = grown(tree, row, most)
        for m, nodes in enumerate(expected):
            (found,) = conformal_sets(row[None], tree, SetThreshold(float(mass[m]), most)).nodes
            last = int((mass <= mass[m]).sum()) - 1  # equal masses are taken together
            assert [n for n in found if n >= 0] == expected[last], (m, nodes)


@pytest.mark.parametrize("name", sorted(TREES))
def test_nested(name):
    tree = TREES[name]
    p = trees.probabilities(tree, 30)
    for most in (1, 2, 4):
        before = np.zeros((30, tree.num_classes), bool)
        for mass in (0.0, 0.3, 0.6, 0.9, 0.99, 1.0, math.inf):
            found = conformal_sets(p, tree, SetThreshold(mass, most))
            every = np.broadcast_to(np.arange(tree.num_classes), before.shape)
            held = np.stack([found.contain(every[:, k]) for k in range(tree.num_classes)], 1)
            assert (held >= before).all() and (held.sum(1) == found.sizes).all()
            assert ((found.nodes >= 0).sum(1) <= most).all()
            before = held
        assert before.all()


@pytest.mark.parametrize("name", ["random2", "random3", "flat", "chain"])
def test_a_score_is_the_least_mass_that_holds_the_label(name):
    tree = TREES[name]
    p, labels = trees.probabilities(tree, 80), trees.labels(tree, 80)
    for most in (1, 2, 3):
        scores = set_scores(labels, p, tree, nodes=most)
        for mass in np.unique(scores)[::4]:
            held = conformal_sets(p, tree, SetThreshold(float(mass), most)).contain(labels)
            np.testing.assert_array_equal(held, scores <= mass)


def test_by_hand(tree):
    p = np.array([[0.4, 0.1, 0.3, 0.2]])  # car, truck, jet, glider
    names = [
        conformal_sets(p, tree, SetThreshold(mass, 2)).names[0] for mass in (0.3, 0.5, 0.8, 0.95)
    ]
    assert names == [["car"], ["car", "jet"], ["car", "air"], ["land", "air"]]
    one = conformal_sets(p, tree, SetThreshold(0.5, 1))
    assert one.names == [["vehicle"]] and one.sizes.tolist() == [4]


@pytest.mark.parametrize("nodes", [1, 3])
def test_the_truth_is_in_the_set_as_often_as_stated(nodes):
    """Over many splits of one pool: the mean is between 1 - alpha and 1 / (n + 1) more."""
    tree = trees.random_tree(np.random.default_rng(0), 12)
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(600, 12)) * 2
    truth = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.array([rng.choice(12, p=row) for row in truth])
    p = np.exp(3 * logits) / np.exp(3 * logits).sum(1, keepdims=True)  # far too sure of itself
    n, alpha, covered = 50, 0.2, []
    scores = set_scores(labels, p, tree, nodes=nodes)
    for split in range(400):
        order = np.random.default_rng(split).permutation(600)
        held_out, new = order[:n], order[n:]
        if split < 5:
            threshold = calibrate_sets(labels[held_out], p[held_out], tree, alpha, nodes=nodes)
            found = conformal_sets(p[new], tree, threshold).contain(labels[new])
            np.testing.assert_array_equal(found, scores[new] <= threshold.mass)
        q = np.sort(scores[held_out])[math.ceil((n + 1) * (1 - alpha)) - 1]
        covered.append((scores[new] <= q).mean())
    error = np.std(covered) / np.sqrt(len(covered))
    assert np.mean(covered) > 1 - alpha - 3 * error
    # Labels that are most probable share the score 0, so there are ties; not above 0, though.
    assert np.mean(covered) < 1 - alpha + 1 / (n + 1) + 3 * error


def test_too_few_examples_give_everything(tree):
    p = trees.probabilities(tree, 3)
    threshold = calibrate_sets([0, 1, 2], p, tree, 0.2, nodes=2)
    assert threshold == SetThreshold(math.inf, 2)
    assert conformal_sets(p, tree, threshold).sizes.tolist() == [4, 4, 4]


def test_mistakes(tree):
    p = trees.probabilities(tree, 3)
    with pytest.raises(ValueError, match="`alpha` must be between 0 and 1"):
        calibrate_sets([0, 1, 2], p, tree, 90)
    with pytest.raises(ValueError, match="`threshold` must be what `calibrate_sets` returns"):
        conformal_sets(p, tree, 0.9)
    with pytest.raises(ValueError, match="These look like scores"):
        conformal_sets(np.log(p), tree, SetThreshold(0.9, 2))
    with pytest.raises(ValueError, match="`nodes` must be a positive integer"):
        conformal_sets(p, tree, SetThreshold(0.9, 0))
    with pytest.raises(ValueError, match="one label per example"):
        calibrate_sets([0, 1], p, tree, 0.1)
    with pytest.raises(ValueError, match="at least one calibration example"):
        calibrate_sets([], p[:0], tree, 0.1)
