import numpy as np
import pytest

from keras_haframe.collapse import ClassStatistics, statistics
from tests.collapse import twins


def streamed(features, labels, k, batch):
    out = ClassStatistics(k, np.shape(features)[1])
    for i in range(0, len(labels), batch):
        out.update(features[i : i + batch], labels[i : i + batch])
    return out


def assert_same(left, right, tolerance=1e-10):
    np.testing.assert_array_equal(left.counts, right[0])
    scale = max(np.abs(right[2]).max(), 1e-300)
    np.testing.assert_allclose(left.means, right[1], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(left.scatter, right[2], rtol=0, atol=tolerance * scale)
    np.testing.assert_allclose(left.squares, right[3], rtol=tolerance, atol=tolerance * scale)


def arrays(s):
    return s.counts, s.means, s.scatter, s.squares


@pytest.mark.parametrize("batch", [1, 2, 7, 64, 1000])
@pytest.mark.parametrize("k,d", [(5, 3), (3, 11), (1, 4), (40, 1)])
def test_streaming_equals_loops_over_samples(k, d, batch):
    features, labels = twins.draw(np.random.default_rng(k), k, d, 150)
    assert_same(streamed(features, labels, k, batch), twins.moments(features, labels, k))


def test_sorted_by_class_and_shuffled_orders_agree():
    features, labels = twins.draw(np.random.default_rng(0), 6, 5, 200)
    order = np.argsort(labels)
    left = streamed(features, labels, 6, 16)
    right = streamed(features[order], labels[order], 6, 16)
    assert_same(left, arrays(right))


def test_worked_example():
    out = ClassStatistics(3, 2)
    out.update([[0.0, 0.0], [2.0, 0.0], [5.0, 5.0]], [0, 0, 1])
    out.update([[1.0, 3.0]], [0])
    assert out.counts.tolist() == [3, 1, 0]
    np.testing.assert_allclose(out.means, [[1, 1], [5, 5], [0, 0]])
    np.testing.assert_allclose(out.scatter, [[2, 0], [0, 6]], atol=1e-15)
    np.testing.assert_allclose(out.squares, [8, 0, 0], atol=1e-15)
    np.testing.assert_allclose(out.variances, [8 / 3, 0, 0])


@pytest.mark.parametrize("tile,pending", [(3, 2), (5, 100), (64, 7), (1000, 1)])
def test_tiles_and_waiting_rows_do_not_show(monkeypatch, tile, pending):
    monkeypatch.setattr(statistics, "TILE_ROWS", tile)
    monkeypatch.setattr(statistics, "PENDING_ROWS", pending)
    features, labels = twins.draw(np.random.default_rng(3), 4, 6, 90)
    for batch in (1, 4, 90):
        assert_same(streamed(features, labels, 4, batch), twins.moments(features, labels, 4))


def test_reading_between_updates_changes_nothing():
    features, labels = twins.draw(np.random.default_rng(4), 4, 3, 60)
    out = ClassStatistics(4, 3)
    for i in range(0, 60, 5):
        out.update(features[i : i + 5], labels[i : i + 5])
        assert np.isfinite(out.scatter).all()
    assert_same(out, twins.moments(features, labels, 4))


def test_large_common_offset_costs_no_digits():
    # The textbook form sum f f' - n mu mu' has no correct digit here.
    features, labels = twins.draw(np.random.default_rng(5), 4, 5, 400)
    offset = 2.0**30
    shifted = np.round(features * 2**20) / 2**20 + offset  # exactly representable
    expected = twins.moments(shifted - offset, labels, 4)
    out = streamed(shifted, labels, 4, 32)
    scale = np.abs(expected[2]).max()
    np.testing.assert_allclose(out.scatter, expected[2], rtol=0, atol=1e-7 * scale)
    naive = shifted.T @ shifted - sum(
        n * np.outer(m, m) for n, m in zip(expected[0], expected[1] + offset)
    )
    assert np.abs(naive - expected[2]).max() > 0.1 * scale


@pytest.mark.parametrize("seed", range(5))
def test_merge_of_any_partition(seed):
    rng = np.random.default_rng(seed)
    features, labels = twins.draw(rng, 7, 4, 120)
    owner = rng.integers(0, 4, 120)
    owner[labels == 3] = 1  # one class lives on one worker only
    parts = [streamed(features[owner == w], labels[owner == w], 7, 11) for w in range(5)]
    assert not parts[4].counts.any()  # an idle worker
    total = ClassStatistics(7, 4)
    for i in rng.permutation(5):
        total.merge(parts[i])
    assert_same(total, twins.moments(features, labels, 7))


def test_merge_leaves_the_other_alone_and_takes_itself():
    features, labels = twins.draw(np.random.default_rng(6), 3, 2, 30)
    left, right = streamed(features, labels, 3, 30), streamed(features, labels, 3, 30)
    before = right.state()
    left.merge(right)
    for name, array in right.state().items():
        np.testing.assert_array_equal(array, before[name])
    right.merge(right)
    assert_same(right, arrays(left))
    assert_same(left, twins.moments(np.tile(features, (2, 1)), np.tile(labels, 2), 3))


def test_merge_needs_the_same_sizes():
    with pytest.raises(ValueError, match="same `num_classes` and `dim`"):
        ClassStatistics(3, 2).merge(ClassStatistics(3, 4))


def test_state_survives_npz_without_pickle(tmp_path):
    features, labels = twins.draw(np.random.default_rng(7), 5, 3, 40)
    out = streamed(features, labels, 5, 9)
    np.savez(tmp_path / "state.npz", **out.state())
    loaded = np.load(tmp_path / "state.npz", allow_pickle=False)
    again = ClassStatistics.from_state(dict(loaded))
    for name, array in out.state().items():
        np.testing.assert_array_equal(array, again.state()[name])
    again.update(features, labels)
    assert again.counts.sum() == 80 and out.counts.sum() == 40


@pytest.mark.parametrize(
    "change,message",
    [
        ({"scatter": None}, "lacks \\['scatter'\\]"),
        ({"means": np.zeros(3)}, "must be \\[K, d\\]"),
        ({"squares": np.zeros(4)}, "`squares` in `state`"),
        ({"scatter": np.full((2, 2), np.nan)}, "`scatter` in `state` must be finite"),
        ({"counts": np.array([1, -1, 0])}, "whole numbers"),
        ({"counts": np.array([0.5, 1, 0])}, "whole numbers"),
    ],
)
def test_damaged_state(change, message):
    state = ClassStatistics(3, 2).state() | change
    state = {name: array for name, array in state.items() if array is not None}
    with pytest.raises(ValueError, match=message):
        ClassStatistics.from_state(state)


def test_empty_batches_and_state_after_a_refused_batch():
    out = ClassStatistics(3, 2)
    out.update(np.zeros((0, 2), "float32"), [])
    out.update(np.zeros((0, 2)), np.zeros(0, "int32"))
    assert not out.counts.any() and not out.scatter.any()
    with pytest.raises(ValueError, match="finite"):
        out.update([[1.0, 2.0], [np.nan, 0.0]], [0, 1])
    with pytest.raises(ValueError, match="from 0 to 2"):
        out.update([[1.0, 2.0], [3.0, 0.0]], [0, 3])
    assert not out.counts.any() and not out.means.any()


def test_input_is_not_modified():
    features, labels = twins.draw(np.random.default_rng(8), 3, 2, 20)
    kept = features.copy()
    streamed(features, labels, 3, 20)
    np.testing.assert_array_equal(features, kept)


@pytest.mark.parametrize("k,d", [(0, 3), (3, 0), (2.0, 3), (True, 3)])
def test_sizes(k, d):
    with pytest.raises(ValueError, match="must be a positive integer"):
        ClassStatistics(k, d)
