"""Every step of a decision against loops over examples, and what must not pass in silence."""

import json

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.decisions import calibrate_threshold, conditional_risk, confidence_floor
from keras_haframe.decisions.confidence_floor import RULES
from tests import trees
from tests.tables import Frame
from tests.trees import ancestors, classes_below

TREES = {name: make() for name, make in trees.SHAPES.items()}


def answers(p, tree, floor=0.0, allowed=None, prior=None, rule=None, temperature=None):
    """Nodes by loops: `(answers, classes at the start)`."""
    distances, found, starts = tree.distances(), [], []
    for i, row in enumerate(np.asarray(p, np.float64)):
        if temperature:
            row = row ** (1 / temperature)
            row = row / row.sum()
        lost = False
        if prior is not None:
            weighted = row * np.broadcast_to(prior, np.shape(p))[i]
            lost = weighted.sum() == 0
            row = row if lost else weighted / weighted.sum()
        best = int(np.argmin(distances @ row) if rule == "CRM" else np.argmax(row))
        listed = set(range(tree.num_classes))
        if allowed is not None:
            listed = set(np.flatnonzero(np.broadcast_to(allowed, np.shape(p))[i]).tolist())
        for node in ancestors(tree, best):
            below = classes_below(tree, node)
            sure = node == tree.num_nodes - 1 or row[below].sum() >= floor
            if (sure and listed & set(below)) or node == tree.num_nodes - 1:
                break
        found.append(tree.num_nodes - 1 if lost else node)
        starts.append(best)
    return found, starts


@pytest.mark.parametrize("name", sorted(TREES))
def test_all_steps_together(name):
    tree = TREES[name]
    p, rng = trees.probabilities(tree, 60), np.random.default_rng(0)
    prior = rng.uniform(0, 1, (60, tree.num_classes)) * (rng.uniform(size=(60, 1)) > 0.1)
    mask = rng.uniform(size=(60, tree.num_classes)) > 0.6
    for options in (
        {}, {"floor": 0.5}, {"floor": 0.7, "rule": "CRM"}, {"temperature": 3.0, "floor": 0.4},
        {"prior": prior}, {"allowed": mask}, {"allowed": mask[0], "prior": prior[0] + 0.01},
        {"temperature": 2.0, "prior": prior, "allowed": mask, "rule": "CRM", "floor": 0.6},
    ):  # fmt: skip
        found = kh.decide(p, tree, **options)
        nodes, starts = answers(p, tree, **options)
        assert found.node.tolist() == nodes and found.best.tolist() == starts, options
        for d, start in zip(found, starts):
            root, own = d.node == tree.num_nodes - 1, d.node == start
            assert (d.reason == "class") == own
            assert d.reason.startswith("root: ") == root
            assert d.path == tree.path(d.node) and d.path[-1] == d.name


@pytest.mark.parametrize("rule", RULES)
def test_the_floor_alone_is_confidence_floor(rule):
    tree = TREES["random3"]
    p = trees.probabilities(tree, 50)
    floors = np.linspace(0, 1, 50)
    found = kh.decide(p, tree, floor=floors, floor_rule=rule)
    np.testing.assert_array_equal(found.node, confidence_floor(p, tree, floors, rule=rule))


def test_risk_alone_is_conditional_risk():
    tree = TREES["random3"]
    p = trees.probabilities(tree, 50)
    best = np.asarray(conditional_risk(p, tree)).argmax(1)
    np.testing.assert_array_equal(kh.decide(p, tree, rule="CRM").node, best)


def test_reasons_by_hand(tree):
    p = [[0.5, 0.3, 0.2, 0.0], [0.1, 0.0, 0.9, 0.0], [0.3, 0.25, 0.25, 0.2], [0.0, 0.1, 0.9, 0.0]]
    assert kh.decide(p, tree, floor=0.65).reason == [
        "rolled up: best class 0.50 < 0.65", "class", "root: best class 0.30 < 0.65", "class",
    ]  # fmt: skip
    assert kh.decide(p, tree, floor=0.65, allowed=["truck", "glider"]).reason == [
        "not on the list: car; rolled up to land",
        "not on the list: jet; rolled up to air",
        "root: car is not on the list, land 0.55 < 0.65",
        "not on the list: jet; rolled up to air",
    ]
    assert kh.decide(p[1:2], tree, allowed=["land"]).reason == [
        "root: jet and all its kin are not on the list"
    ]
    deep = kh.ClassTree([("r", "x"), ("r", "m"), ("m", "y"), ("m", "n"), ("n", "z"), ("n", "w")])
    q = [[0.1, 0.3, 0.4, 0.2]]  # x, y, z, w
    assert kh.decide(q, deep, allowed=["w", "y"], floor=0.7)[0].reason == (
        "not on the list: z; rolled up: n 0.60 < 0.70"
    )
    impossible = kh.decide(p, tree, prior=[[1, 1, 0, 0]] * 3 + [[1, 0, 0, 0]])
    assert (
        impossible[3].reason == "root: the prior leaves no class" and impossible[3].probability == 1
    )
    just_below = kh.decide([[0.6497, 0.3503, 0, 0]], tree, floor=0.65)
    assert just_below.reason == ["rolled up: best class 0.64 < 0.65"]


def test_a_list_moves_no_probability_and_a_prior_does(tree):
    p = [[0.5, 0.3, 0.2, 0.0]]
    listed = kh.decide(p, tree, allowed=["truck"])[0]
    assert (listed.name, round(listed.probability, 6)) == ("land", 0.8)
    moved = kh.decide(p, tree, prior=[0, 1, 0, 0])[0]
    assert (moved.name, moved.probability) == ("truck", 1.0)


def test_accuracy_is_that_of_calibrate_threshold():
    tree = TREES["random3"]
    p, held_out = trees.probabilities(tree, 50), trees.probabilities(tree, 200, seed=9)
    labels = trees.labels(tree, 200)
    for rule in ("climbing", "selective"):
        found = kh.decide(p, tree, accuracy=0.7, calibration=(labels, held_out), floor_rule=rule)
        floor = calibrate_threshold(labels, held_out, tree, 0.7, rule=rule)
        assert found.floor == floor
        np.testing.assert_array_equal(found.node, confidence_floor(p, tree, floor, rule=rule))
    few = kh.decide(p, tree, accuracy=0.9, calibration=(labels[:5], held_out[:5]))
    assert np.isinf(few.floor) and set(few.node) == {tree.num_nodes - 1}


@pytest.mark.slow
def test_accuracy_holds_through_prior_list_rule_and_temperature():
    """Half of 600 examples calibrate, half are answered, 60 times."""
    tree = TREES["random3"]
    rng = np.random.default_rng(0)
    truth = trees.probabilities(tree, 600, sharpness=2.0).astype("float64")
    labels = np.array([rng.choice(tree.num_classes, p=row / row.sum()) for row in truth])
    p = truth**2 / (truth**2).sum(1, keepdims=True)
    options = {
        "prior": rng.uniform(0.2, 1, tree.num_classes), "rule": "CRM", "temperature": 0.8,
        "allowed": rng.uniform(size=tree.num_classes) > 0.3,
    }  # fmt: skip
    shares = []
    for split in range(60):
        order = np.random.default_rng(split).permutation(600)
        half, rest = order[:300], order[300:]
        calibration = labels[half], p[half]
        found = kh.decide(p[rest], tree, accuracy=0.8, calibration=calibration, **options)
        shares.append(tree.ancestors[found.node, labels[rest]].mean())
    error = np.std(shares) / np.sqrt(60)
    assert 0.8 - 3 * error < np.mean(shares) < 0.8 + 1 / 301 + 3 * error + 0.01


def test_named_columns_are_matched(tree):
    p = trees.probabilities(tree, 20)
    order = [2, 0, 3, 1]
    table = Frame(p[:, order], [tree.leaves[k] for k in order])
    np.testing.assert_array_equal(kh.decide(table, tree).node, kh.decide(p, tree).node)
    prior = np.array([[0.1, 0.2, 0.3, 0.4]])
    weights = Frame(prior[:, order], table.columns)
    np.testing.assert_array_equal(
        kh.decide(p, tree, prior=weights).node, kh.decide(p, tree, prior=prior[0]).node
    )


def test_shown(tree):
    p = trees.probabilities(tree, 30)
    found = kh.decide(p, tree, floor=0.6)
    assert len(found) == 30 and str(found).count("\n") == 21 and "... and 10 more" in str(found)
    assert str(found).splitlines()[0] == "answer   probability  class   reason"
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["name"] == found.name and plain["path"][0] == found[0].path
    assert plain["reason"] == [d.reason for d in found] and "30 examples" in repr(found)
    assert kh.decide(p[:0], tree, floor=0.5).node.shape == (0,)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"allowed": ["trcuk"]}, "'trcuk' is not a node of the tree. Did you mean 'truck'"),
        ({"allowed": []}, "names of classes or inner nodes, or a bool mask"),
        ({"allowed": "truck"}, "`allowed` must be a list of names"),
        ({"allowed": [0, 1, 1, 0]}, "dtype int64"),
        ({"allowed": np.ones((3, 4), bool)}, r"\[2, 4\]. Received: dtype bool, shape \(3, 4\)"),
        ({"floor": 80}, "from 0 to 1. Received: floor=80"),
        ({"floor": np.nan}, "from 0 to 1. Received: floor=nan"),
        ({"floor": [0.5, -0.1]}, "from 0 to 1. Received: floor=-0.1"),
        ({"floor": [0.5] * 3}, "one number or one per example"),
        ({"prior": [1, 1, 1]}, "`prior` must have shape"),
        ({"prior": [1, 1, -1, 1]}, "`prior` must be finite and not negative. Received: -1"),
        ({"prior": [1, 1, np.nan, 1]}, "`prior` must be finite and not negative. Received: nan"),
        ({"prior": [0, 0, 0, 0]}, "some class a weight above 0"),
        ({"accuracy": 0.9}, r"`accuracy` needs `calibration=\(labels, probabilities\)`"),
        ({"accuracy": 0.9, "floor": 0.5}, "one of `floor` and `accuracy`"),
        ({"accuracy": 90, "calibration": ([0], [[1, 0, 0, 0]])}, "`accuracy` must be between"),
        ({"calibration": ([0], [[1.0, 0, 0, 0]])}, "`calibration` is for `accuracy`"),
        (
            {"accuracy": 0.9, "calibration": ([0], [[1.0, 0, 0, 0]]), "prior": np.ones((2, 4))},
            "`prior` must be the same for all examples",
        ),
        ({"rule": "CRN"}, "Did you mean 'CRM'"),
        ({"rule": "climbing"}, "floor_rule='climbing'"),
        ({"floor_rule": "CRM"}, "`floor_rule` must be one of"),
        ({"floor_rule": "jumping", "rule": "CRM"}, "start from one class"),
        ({"floor_rule": "max_coverage", "allowed": ["land"]}, "start from one class"),
        ({"temperature": 0}, "`temperature` must be positive"),
    ],
)
def test_mistakes(tree, options, message):
    with pytest.raises(ValueError, match=message):
        kh.decide(trees.probabilities(tree, 2), tree, **options)


def test_logits_are_refused(tree):
    with pytest.raises(ValueError, match="These look like scores"):
        kh.decide([[4.0, 1.0, 0.0, -1.0]], tree, floor=0.5)
