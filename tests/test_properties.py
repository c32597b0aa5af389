"""Properties of trees, losses, metrics and decisions on whatever trees and numbers are drawn."""

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import ops

import keras_haframe as kh
from keras_haframe.tree import writers
from tests import brute_force, trees

d, m = kh.decisions, kh.metrics
EXAMPLES = 8
OPTIONS = {
    "deadline": None, "derandomize": True, "database": None,
    "suppress_health_check": list(HealthCheck),
}  # fmt: skip


def holds(more=False, **strategies):
    """A test of drawn examples; `more` of them in a slow test beside it."""

    def made(test):
        if more:
            slow = settings(max_examples=5 * EXAMPLES, **OPTIONS)(given(**strategies)(test))
            globals()[f"{test.__name__}_of_many"] = pytest.mark.slow(slow)
        return settings(max_examples=EXAMPLES, **OPTIONS)(given(**strategies)(test))

    return made


seeds = st.integers(0, 2**16)
drawn = st.builds(
    lambda seed, k: trees.random_tree(np.random.default_rng(seed), k), seeds, st.integers(2, 9)
)
awkward = st.sampled_from([make() for make in (*trees.SHAPES.values(), *trees.TREES.values())])
any_tree = st.one_of(drawn, awkward)


@st.composite
def answered(draw):
    """A tree, labels and probabilities, some of them ties, zeros or one-hot."""
    tree = draw(any_tree)
    rng = np.random.default_rng(draw(seeds))
    n = draw(st.integers(1, 12))
    p = rng.dirichlet(np.full(tree.num_classes, draw(st.sampled_from([0.1, 1.0, 10.0]))), n)
    if draw(st.booleans()):
        p = np.round(p, 1)  # ties and zeros
        p[:, 0] += 1 - p.sum(axis=1)
        p = np.abs(p) / np.abs(p).sum(axis=1, keepdims=True)
    return tree, rng.integers(0, tree.num_classes, n), p.astype("float32")


def arrays(value):
    return np.asarray(ops.convert_to_numpy(value), np.float64)


# Trees ------------------------------------------------------------------------------------------


@holds(more=True, tree=any_tree)
def test_distances_are_those_of_walking_the_tree(tree):
    for convention in ("depth", "subtree"):
        np.testing.assert_array_equal(
            tree.distances(convention), brute_force.distances(tree, convention)
        )


@holds(tree=any_tree)
def test_writers_and_readers_are_inverse(tree, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trees")
    for format, read in (("json", "from_json"), ("csv", "from_csv"), ("edges", "from_csv")):
        writers.write(tree, folder / f"t.{format}", format)
        again = getattr(kh.ClassTree, read)(folder / f"t.{format}")
        assert again.leaves == tree.leaves
        if format == "json":
            assert again == tree
        np.testing.assert_array_equal(again.distances("subtree"), tree.distances("subtree"))
    assert kh.ClassTree.from_config(tree.get_config()) == tree
    paths = kh.ClassTree.from_paths([tree.path(k) for k in range(tree.num_classes)])
    np.testing.assert_array_equal(paths.distances(), tree.distances())


# Losses -----------------------------------------------------------------------------------------


def losses(tree):
    losses = [kh.losses.CrossEntropy(), kh.losses.HierarchicalCrossEntropy(tree)]
    losses += [kh.losses.SoftLabelCrossEntropy(tree), kh.losses.HAFrameLoss(tree)]
    return [*losses, kh.losses.FrameCosineLoss(tree), kh.losses.RankingLoss()]


@holds(data=answered(), scale=st.sampled_from([1e-6, 1.0, 50.0]), seed=seeds)
def test_losses_are_finite_and_do_not_know_the_order_of_classes(data, scale, seed):
    tree, y, p = data
    rng = np.random.default_rng(seed)
    z = (scale * rng.normal(size=p.shape)).astype("float32")
    order = rng.permutation(tree.num_classes)
    turned = tree.reorder([tree.leaves[k] for k in order])
    y_turned = np.argsort(order)[y]
    for loss, same in zip(losses(tree), losses(turned)):
        value = float(loss(y, {"logits": z, "cosines": np.tanh(z)}))
        assert np.isfinite(value)
        other = {"logits": z[:, order], "cosines": np.tanh(z[:, order])}
        assert float(same(y_turned, other)) == pytest.approx(value, rel=1e-4, abs=1e-5)


@holds(data=answered())
def test_losses_are_least_where_the_label_is_surely_answered(data):
    tree, y, _ = data
    for loss in losses(tree):
        values = []
        for classes in (y, (y + 1) % tree.num_classes):
            best = np.eye(tree.num_classes, dtype="float32")[classes]
            values.append(float(loss(y, {"logits": 20 * best, "cosines": 2 * best - 1})))
        assert values[0] < values[1]


# Metrics ----------------------------------------------------------------------------------------


@holds(data=answered(), cut=st.integers(0, 12), k=st.integers(1, 9))
def test_metrics_equal_their_twins_however_batches_are_cut(data, cut, k):
    tree, y, p = data
    k = min(k, tree.num_classes)
    far = brute_force.distances(tree)
    best = [brute_force.ranking(row) for row in p]
    wrong = [far[a, b[0]] for a, b in zip(y, best) if b[0] != a]
    twins = {
        m.Top1Accuracy(tree): np.mean([b[0] == a for a, b in zip(y, best)]),
        m.HierarchicalDistance(tree, k): np.mean([far[a, b[:k]] for a, b in zip(y, best)]),
        m.MistakeSeverity(tree): np.mean(wrong) if wrong else np.nan,
    }
    for metric, want in twins.items():
        for part in (slice(0, cut), slice(cut, None)):
            metric.update_state(y[part], p[part])
        np.testing.assert_allclose(float(metric.result()), want, rtol=1e-5)


# Decisions --------------------------------------------------------------------------------------


@holds(more=True, data=answered(), threshold=st.floats(0, 1))
def test_answers_are_the_deepest_sure_ancestor_of_the_best_class(data, threshold):
    tree, _, p = data
    nodes = arrays(d.roll_up(p, tree))
    for node in range(tree.num_nodes):
        below = trees.classes_below(tree, node)
        np.testing.assert_allclose(nodes[:, node], p[:, below].sum(axis=1), atol=1e-5)
    found = arrays(d.confidence_floor(p, tree, threshold)).astype(int)
    decided = d.decide(p, tree, floor=threshold)
    np.testing.assert_array_equal(decided.node, found)
    slack = 1e-5
    for row, answer, best in zip(nodes, found, p.argmax(axis=1)):
        path = trees.ancestors(tree, int(best))
        assert answer in path
        assert answer == path[-1] or row[answer] >= threshold - slack
        below = path[: path.index(answer)]
        assert all(row[n] <= threshold + slack for n in below)


@holds(data=answered())
def test_risk_is_least_by_brute_force_and_levels_are_distributions(data):
    tree, _, p = data
    risk = p @ brute_force.distances(tree)
    np.testing.assert_allclose(arrays(d.conditional_risk(p, tree)), -risk, atol=1e-4)
    parts = [*d.level_probabilities(p, tree), d.hierarchical_ensemble(p, tree)]
    for q in map(arrays, parts):
        assert (q >= 0).all()
        np.testing.assert_allclose(q.sum(axis=1), 1, atol=1e-5)


@holds(more=True, data=answered(), share=st.floats(0.05, 0.95), nodes=st.integers(1, 4))
def test_calibrated_thresholds_keep_their_promise_on_the_calibration_set(data, share, nodes):
    tree, y, p = data
    threshold = d.calibrate_threshold(y, p, tree, share)
    found = arrays(d.confidence_floor(p, tree, threshold)).astype(int)
    right = [node in trees.ancestors(tree, int(k)) for node, k in zip(found, y)]
    assert np.mean(right) >= share - 1e-9
    sets = d.conformal_sets(p, tree, d.calibrate_sets(y, p, tree, 1 - share, nodes=nodes))
    assert sets.contain(y).mean() >= share - 1e-9
    assert sets.contain(p.argmax(axis=1)).all()
    assert ((sets.nodes >= 0).sum(axis=1) <= nodes).all()


@holds(data=answered(), temperature=st.floats(0.05, 20))
def test_temperature_keeps_the_order(data, temperature):
    _, y, p = data
    z = np.log(p + 1e-4) - 1
    q = arrays(d.apply_temperature(z, temperature))
    np.testing.assert_allclose(q.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(q.max(axis=1), q[np.arange(len(q)), z.argmax(axis=1)])
    assert d.fit_temperature(y, z) > 0


@holds(data=answered(), row=st.integers(0, 11), wrong=st.sampled_from(
    ["nan", "negative", "twice", "zero", "infinite", "logits"]))  # fmt: skip
def test_one_bad_row_is_refused_by_every_decision(data, row, wrong):
    tree, y, p = data
    i = row % len(p)
    bad = p.copy()
    bad[i] = {
        "nan": np.nan, "negative": -p[i], "twice": 2 * p[i], "zero": 0.0, "infinite": np.inf,
        "logits": np.log(p[i] + 1e-3),
    }[wrong]  # fmt: skip
    sets = d.SetThreshold(0.5, 2)
    calls = [
        lambda: d.roll_up(bad, tree), lambda: d.level_probabilities(bad, tree),
        lambda: d.conditional_risk(bad, tree), lambda: d.hierarchical_ensemble(bad, tree),
        lambda: d.confidence_floor(bad, tree, 0.5), lambda: d.decide(bad, tree),
        lambda: d.tight_thresholds(y, bad, tree), lambda: d.set_scores(y, bad, tree),
        lambda: d.calibrate_threshold(y, bad, tree, 0.5), lambda: d.conformal_sets(bad, tree, sets),
        lambda: d.calibrate_sets(y, bad, tree, 0.5), lambda: m.operating_curve(y, bad, tree),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(ValueError, match="must not be negative, and each row must sum to 1"):
            call()


@holds(data=answered(), dtype=st.sampled_from(["float16", "bfloat16"]))
def test_half_precision_answers_as_the_same_numbers_in_single(data, dtype):
    tree, _, p = data
    half = ops.cast(ops.convert_to_tensor(p), dtype)
    single = ops.cast(half, "float32")
    for decide in (d.roll_up, d.conditional_risk, lambda q, t: d.confidence_floor(q, t, 0.6)):
        np.testing.assert_array_equal(arrays(decide(half, tree)), arrays(decide(single, tree)))
    assert keras.backend.standardize_dtype(d.roll_up(half, tree).dtype) == "float32"
