import numpy as np
import pytest

from keras_haframe.collapse import NeuralCollapse
from tests.collapse import twins

VANISHING = (
    "nc1", "nc1_quotient", "nc1_quotient_macro", "nc2", "nc3", "nc4", "nc4_macro", "cdnv",
    "duality", "equinorm", "equiangle", "equiangle_std",
)  # fmt: skip


def tree_frame(k, seed=0, offset=0.0, dim=None):
    """Rows whose Gram matrix is the similarity of a tree: a shared axis per group, one per leaf."""
    rng = np.random.default_rng(seed)
    groups = np.arange(k) % max(k // 3, 1)
    nodes = np.concatenate([np.full((k, 1), offset), np.eye(k)[groups] * 0.7, np.eye(k)], axis=1)
    nodes /= np.linalg.norm(nodes, axis=1, keepdims=True)
    dim = dim or nodes.shape[1]
    rotation = np.linalg.qr(rng.standard_normal((dim, nodes.shape[1])))[0]
    return nodes @ rotation.T


def measured(features, labels, k, batch=37, **options):
    nc = NeuralCollapse(k, features.shape[1], **options)
    for i in range(0, len(labels), batch):
        nc.update(features[i : i + batch], labels[i : i + batch])
    return nc


@pytest.mark.parametrize("mean", ["class", "sample"])
@pytest.mark.parametrize("centered", [True, False])
@pytest.mark.parametrize("with_target", [True, False])
@pytest.mark.parametrize("k,d", [(6, 13), (12, 5), (2, 3)])
def test_every_measure_equals_the_loops(k, d, mean, centered, with_target):
    rng = np.random.default_rng(k)
    features, labels = twins.draw(rng, k, d, 160, offset=0.3)
    rows, bias = rng.standard_normal((k, d)), rng.standard_normal(k)
    target = tree_frame(k, offset=0.4)
    options = {"target": target @ target.T if with_target else None}
    options |= {"mean": mean, "centered": centered}
    expected = twins.collapse(features, labels, k, rows, bias, **options)
    found = measured(features, labels, k, **options).result(rows, bias)
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-10)


def test_without_a_classifier_and_without_pairs():
    features, labels = twins.draw(np.random.default_rng(0), 4, 3, 50)
    nc = measured(features, labels, 4)
    full = nc.result(np.eye(4)[:, :3])
    plain = nc.result()
    assert set(full) - set(plain) == {"nc3", "duality", "alignment", "offset", "nc4", "nc4_macro"}
    quick = nc.result(pairs=False)
    assert set(quick) == {"nc1", "nc1_quotient", "nc1_quotient_macro"}
    assert all(quick[name] == plain[name] == full[name] for name in quick)
    assert all(type(value) is float for value in full.values())


@pytest.mark.parametrize("kind", ["etf", "tree", "offset tree", "sample"])
@pytest.mark.parametrize("balanced", [True, False])
def test_exact_collapse_is_zero(kind, balanced):
    k = 12
    frame = tree_frame(k, offset=0.5 if "offset" in kind else 0.0, dim=40)
    if kind == "etf":
        frame = np.linalg.qr(np.random.default_rng(1).standard_normal((40, k)))[0].T
        frame = frame - frame.mean(axis=0)
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(k), 9 if balanced else np.arange(1, k + 1))
    rng.shuffle(labels)
    mean = "sample" if kind == "sample" else "class"
    target = None if kind == "etf" else frame @ frame.T
    for scale in (1e-3, 5.0, 1e4):
        nc = measured(scale * frame[labels], labels, k, target=target, mean=mean)
        found = nc.result(frame)
        for name in VANISHING:
            assert found[name] < 1e-8, (name, scale)
        assert found["alignment"] > 1 - 1e-12 and found["min_angle"] > 30
    if kind == "offset tree":
        assert found["nc2_etf"] > 0.1 and found["nc3_etf"] > 0.1
        moved = measured(scale * (frame[labels] + 1.0), labels, k, target=target)
        assert moved.result(frame)["nc2"] < 1e-8  # centering hides a common offset
        moved = measured(scale * (frame[labels] + 1.0), labels, k, target=target, centered=False)
        assert moved.result(frame)["nc2"] > 0.1


def test_random_features_have_not_collapsed():
    rng = np.random.default_rng(3)
    k, d = 12, 40
    features, labels = rng.standard_normal((400, d)), rng.integers(0, k, 400)
    frame = tree_frame(k, dim=d)
    found = measured(features, labels, k, target=frame @ frame.T).result(
        rng.standard_normal((k, d))
    )
    assert found["nc1"] > 1 and found["nc1_quotient"] > 1 and found["cdnv"] > 1
    assert found["nc3"] > 1 and found["nc4"] > 0.5 and found["duality"] > 1
    assert found["nc2"] > 0.3 and found["equinorm"] > 0.01 and found["equiangle"] > 0.01


def test_less_spread_is_less_nc1():
    values = []
    for spread in (1.0, 0.1, 0.01):
        features, labels = twins.draw(np.random.default_rng(4), 5, 8, 200, spread)
        values.append(measured(features, labels, 5).result()["nc1"])
    assert values[0] > 10 * values[1] > 100 * values[2] > 0


@pytest.mark.parametrize("with_target", [True, False])
def test_missing_classes_are_dropped_not_zero(with_target):
    rng = np.random.default_rng(5)
    features, labels = twins.draw(rng, 9, 6, 150)
    labels = np.array([0, 1, 2, 4, 5, 6, 8, 8, 8])[labels]  # 3 and 7 are absent
    rows, bias = rng.standard_normal((9, 6)), rng.standard_normal(9)
    target = tree_frame(9)
    s = target @ target.T if with_target else None
    found = measured(features, labels, 9, target=s).result(rows, bias)
    expected = twins.collapse(features, labels, 9, rows, bias, target=s)
    assert found == pytest.approx(expected, rel=1e-8)
    seen = [0, 1, 2, 4, 5, 6, 8]
    compact = np.searchsorted(seen, labels)
    s = None if s is None else s[np.ix_(seen, seen)]
    alone = measured(features, compact, 7, target=s).result(rows[seen], bias[seen])
    for name in set(found) - {"nc4", "nc4_macro"}:  # absent classes may still be predicted
        assert found[name] == pytest.approx(alone[name], rel=1e-10), name


def test_classes_of_one_have_no_variance():
    features = np.array([[0.0, 1], [2, 1], [5, 5], [-3, 2]])
    nc = measured(features, np.array([0, 0, 1, 2]), 3)
    assert nc.class_variances.tolist() == [1.0, 0.0, 0.0]
    expected = twins.collapse(features, [0, 0, 1, 2], 3)
    found = nc.result()
    assert found == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("centered", [True, False])
def test_one_class_or_one_point_is_undefined_not_an_error(centered):
    one = measured(np.eye(3), np.array([1, 1, 1]), 4, centered=centered)
    found = one.result(np.ones((4, 3)))
    for name in ("nc1", "nc1_quotient", "nc2", "nc3", "cdnv", "equiangle", "equinorm"):
        assert np.isnan(found[name]), name
    point = measured(np.full((6, 3), 7.1), np.arange(6) % 3, 3).result(np.eye(3))
    for name in ("nc1", "nc1_quotient", "nc2", "nc3", "duality", "equiangle"):
        assert np.isnan(point[name]), name
    assert point["cdnv"] == np.inf


def test_a_single_sample():
    nc = measured(np.array([[1.0, 2.0]]), np.array([0]), 2)
    assert np.isnan(nc.result()["nc1"]) and nc.counts.tolist() == [1, 0]


@pytest.mark.parametrize("scale", [1e-60, 1e60])
def test_extreme_scales_do_not_under_or_overflow(scale):
    features, labels = twins.draw(np.random.default_rng(6), 5, 4, 60)
    rows = np.random.default_rng(7).standard_normal((5, 4))
    base = measured(features, labels, 5).result(rows)
    found = measured(scale * features, labels, 5).result(rows)
    for name in set(base) - {"offset"}:
        assert found[name] == pytest.approx(base[name], rel=1e-9), name


def test_rotation_and_scale_do_not_matter():
    features, labels = twins.draw(np.random.default_rng(8), 5, 7, 90)
    rotation = np.linalg.qr(np.random.default_rng(9).standard_normal((7, 7)))[0]
    left = measured(features, labels, 5).result()
    right = measured(3 * features @ rotation, labels, 5).result()
    assert left == pytest.approx(right, rel=1e-9)


def test_callable_target_equals_the_matrix():
    features, labels = twins.draw(np.random.default_rng(10), 8, 5, 90)
    labels[labels == 4] = 3
    frame, rows = tree_frame(8), np.random.default_rng(11).standard_normal((8, 5))
    left = measured(features, labels, 8, target=frame @ frame.T)
    right = measured(features, labels, 8, target=lambda indices: frame[indices] @ frame.T)
    assert left.result(rows) == pytest.approx(right.result(rows), rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_merge_of_any_partition_and_state(seed):
    rng = np.random.default_rng(seed)
    features, labels = twins.draw(rng, 6, 5, 140)
    rows = rng.standard_normal((6, 5))
    frame = tree_frame(6)
    options = {"target": frame @ frame.T, "mean": "sample"}
    owner = rng.integers(0, 3, 140)
    workers = [measured(features[owner == w], labels[owner == w], 6, 9) for w in range(3)]
    total = NeuralCollapse(6, 5, **options)
    for worker in workers:
        assert total.merge(worker) is total
    expected = measured(features, labels, 6, **options).result(rows)
    assert total.result(rows) == pytest.approx(expected, rel=1e-9)
    sent = NeuralCollapse(6, 5, **options)
    for worker in workers:
        sent.merge(NeuralCollapse.from_state(worker.state()))
    found = sent.result(rows)
    assert set(expected) - set(found) == {"nc4", "nc4_macro"}  # features do not travel
    assert found == pytest.approx({name: expected[name] for name in found}, rel=1e-9)


def test_features_are_kept_within_the_budget_only():
    features, labels = twins.draw(np.random.default_rng(12), 4, 3, 40)
    rows = np.eye(4)[:, :3]
    size = features.nbytes + labels.astype(np.int64).nbytes
    assert "nc4" in measured(features, labels, 4, keep_bytes=size).result(rows)
    assert "nc4" not in measured(features, labels, 4, keep_bytes=size - 1).result(rows)
    assert "nc4" not in measured(features, labels, 4, keep_bytes=0).result(rows)
    left, right = measured(features, labels, 4, keep_bytes=0), measured(features, labels, 4)
    assert "nc4" not in right.merge(left).result(rows)
    assert "nc4" in NeuralCollapse(4, 3).merge(measured(features, labels, 4)).result(rows)


def test_reused_buffers_do_not_change_what_was_measured():
    features, labels = twins.draw(np.random.default_rng(13), 4, 3, 40)
    rows = np.ones((4, 3))
    expected = measured(features, labels, 4, batch=10).result(rows)
    nc, buffer = NeuralCollapse(4, 3), np.empty((10, 3))
    names = np.empty(10, np.int64)
    for i in range(0, 40, 10):
        buffer[:], names[:] = features[i : i + 10], labels[i : i + 10]
        nc.update(buffer, names)
    buffer[:], names[:] = 0, 0
    assert nc.result(rows) == expected


def test_result_can_be_read_at_any_time():
    features, labels = twins.draw(np.random.default_rng(14), 4, 3, 40)
    nc = measured(features[:20], labels[:20], 4)
    first = nc.result()
    assert nc.result() == first
    nc.update(features[20:], labels[20:])
    expected = measured(features, labels, 4).result()
    assert nc.result() == pytest.approx(expected, rel=1e-10)


def test_covariance():
    features, labels = twins.draw(np.random.default_rng(15), 4, 3, 40)
    nc = measured(features, labels, 4)
    expected = twins.moments(features, labels, 4)[2] / 40
    np.testing.assert_allclose(nc.within_covariance, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(NeuralCollapse(2, 2).within_covariance, 0)


def test_errors():
    nc = NeuralCollapse(3, 2)
    with pytest.raises(ValueError, match="No samples were measured yet"):
        nc.result()
    with pytest.raises(ValueError, match="No samples were measured yet"):
        nc.class_variability()
    nc.update(np.eye(2), [0, 1])
    with pytest.raises(ValueError, match="pass its transpose"):
        nc.result(np.ones((2, 3)))
    with pytest.raises(ValueError, match="`bias` was given without `classifier`"):
        nc.result(bias=np.zeros(3))
    for options, message in (
        ({"mean": "global"}, "Received: mean='global'"),
        ({"target": np.eye(2)}, r"shape \(3, 3\)"),
        ({"keep_bytes": -1}, "`keep_bytes` must be an integer of at least 0"),
    ):
        with pytest.raises(ValueError, match=message):
            NeuralCollapse(3, 2, **options)
    with pytest.raises(ValueError, match="same `num_classes` and `dim`"):
        nc.merge(NeuralCollapse(3, 5))
