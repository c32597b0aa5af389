"""Mix-up and cut-mix in `tf.data`."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from keras_haframe.data.mixed_pipeline import mixed_batches  # noqa: E402

IMAGES = np.random.default_rng(0).normal(size=(24, 6, 10, 3)).astype("float32")
LABELS = np.arange(24)


def batches(start: int = 0, size: int = 4) -> tf.data.Dataset:
    data = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(size, drop_remainder=True)
    return data.skip(start)


def taken(data: tf.data.Dataset) -> list:
    return [tuple(x.numpy() for x in batch) for batch in data]


def partners(images: np.ndarray) -> np.ndarray:
    return images.reshape(-1, 2, *images.shape[1:])[:, ::-1].reshape(images.shape)


def test_blended_with_the_weights_that_are_told():
    for i, (images, labels, weights) in enumerate(taken(mixed_batches(batches(), switch=0.0))):
        own = IMAGES[4 * i : 4 * i + 4]
        share = weights[0, 0]
        np.testing.assert_array_equal(weights, np.tile(weights[:1], (4, 1)))
        assert 0 <= share <= 1 and weights[0].sum() == pytest.approx(1)
        np.testing.assert_allclose(images, share * own + (1 - share) * partners(own), atol=1e-5)
        np.testing.assert_array_equal(labels, LABELS[4 * i : 4 * i + 4])


def test_cut_boxes_are_rectangles_and_weigh_their_area():
    seen = set()
    for i, (images, _, weights) in enumerate(taken(mixed_batches(batches(), seed=3, switch=1.0))):
        own = IMAGES[4 * i : 4 * i + 4]
        cut = (images != own).all((0, 3))
        np.testing.assert_array_equal(images, np.where(cut[None, :, :, None], partners(own), own))
        rows, columns = cut.any(1), cut.any(0)
        np.testing.assert_array_equal(cut, rows[:, None] & columns[None])
        for line in (rows, columns):  # without a gap
            assert np.count_nonzero(np.diff(np.r_[0, line.astype(int), 0])) <= 2
        assert weights[0, 0] == pytest.approx(1 - cut.mean(), abs=1e-6)
        seen.add(int(cut.sum()))
    assert len(seen) > 2


def test_a_run_taken_up_sees_the_same():
    whole = taken(mixed_batches(batches(), seed=1))
    rest = taken(mixed_batches(batches(2), seed=1, first=2))
    for one, other in zip(whole[2:], rest, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(whole[2][0], taken(mixed_batches(batches(2), seed=2, first=2))[0][0])


def test_shares_follow_beta_and_turns_follow_the_switch():
    data = tf.data.Dataset.from_tensors((IMAGES[:2], LABELS[:2])).repeat(400)
    shares = np.array([w[0, 0] for _, _, w in taken(mixed_batches(data, alpha=0.8, switch=0.0))])
    assert abs(shares.mean() - 0.5) < 0.05
    assert abs(shares.var() - 1 / (4 * (2 * 0.8 + 1))) < 0.02
    mixed = taken(mixed_batches(data, switch=0.25))
    blended = [not np.isin(np.round(x, 5), np.round(IMAGES[:2], 5)).all() for x, _, _ in mixed]
    assert abs(np.mean(blended) - 0.75) < 0.1


@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"cut_alpha": -1.0}, {"switch": 1.5}])
def test_parameters_out_of_range(options):
    with pytest.raises(ValueError, match="`alpha`.*Received: .*switch"):
        mixed_batches(batches(), **options)


def test_odd_batches():
    with pytest.raises(ValueError, match="even, known size.*batches of 3"):
        mixed_batches(batches(size=3))
