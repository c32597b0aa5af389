"""Batches from arrays: what follows from seed and epoch, and the crop against a loop."""

import numpy as np
import pytest

from keras_haframe.data import ArrayBatches, Augmentation, Preprocessing

IMAGES = np.random.default_rng(0).integers(0, 256, (23, 8, 8, 3)).astype("uint8")
LABELS = np.arange(23)


def epoch_of(data):
    return np.concatenate([data[i][1] for i in range(len(data))])


def test_an_epoch_has_every_example_at_most_once():
    data = ArrayBatches(IMAGES, LABELS, 5)
    assert len(data) == 4
    seen = epoch_of(data)
    assert len(seen) == 20 and len(set(seen)) == 20
    x, y = data[2]
    np.testing.assert_array_equal(x, IMAGES[y])


def test_order_changes_with_epoch_and_seed_only():
    one, two = (ArrayBatches(IMAGES, LABELS, 5, seed=3) for _ in range(2))
    one.on_epoch_end()
    two.epoch = 1
    np.testing.assert_array_equal(epoch_of(one), epoch_of(two))
    two.epoch = 2
    assert (epoch_of(one) != epoch_of(two)).any()
    other = ArrayBatches(IMAGES, LABELS, 5, seed=4)
    other.epoch = 1
    assert (epoch_of(one) != epoch_of(other)).any()


def test_augmentation_follows_from_seed_epoch_and_batch():
    one, two = (ArrayBatches(IMAGES, LABELS, 5, 3, Augmentation("pad_and_crop")) for _ in range(2))
    np.testing.assert_array_equal(one[3][0], two[3][0])
    two.epoch = 1
    one.on_epoch_end()
    two[0], two[1]  # reading other batches first changes nothing
    np.testing.assert_array_equal(one[2][0], two[2][0])


@pytest.mark.parametrize(
    ("last", "mode"), [(True, "reflect"), (False, "reflect"), (True, "constant")]
)
def test_crop_and_flip_against_every_possible_crop(last, mode):
    images = IMAGES[:6]
    pad = 2
    how = Augmentation("pad_and_crop", pad, mode, last)
    found = how(np.random.default_rng(1), np.repeat(images, 200, axis=0))
    offsets = range(2 * pad + last)
    drawn = set()
    for n, result in enumerate(found):
        padded = np.pad(images[n // 200], ((pad, pad), (pad, pad), (0, 0)), mode)
        matches = [
            (y, x, flip)
            for y in offsets
            for x in offsets
            for flip in (False, True)
            if (padded[y : y + 8, x : x + 8][:, :: -1 if flip else 1] == result).all()
        ]
        assert len(matches) == 1
        drawn.add(matches[0])
    assert len(drawn) == 2 * len(offsets) ** 2  # every offset and both orientations occur


def test_normalization_channel_by_channel():
    mean, std = (0.5, 0.25, 0.1), (0.2, 0.3, 0.4)
    found = Preprocessing(input_range=(0.0, 1.0), mean=mean, std=std).scale(IMAGES)
    assert found.dtype == np.float32
    for c in range(3):
        expected = (IMAGES[..., c].astype(np.float64) / 255 - mean[c]) / std[c]
        np.testing.assert_allclose(found[..., c], expected, rtol=1e-5, atol=1e-6)


def test_every_epoch_draws_one_variant_of_each_example():
    """`inputs` `[V, n]`: number 100 v + i is variant v of example i."""
    inputs = 100 * np.arange(3)[:, None] + np.arange(23)
    data = ArrayBatches(inputs, LABELS, 5, seed=1, variants=True)
    drawn = []
    for epoch in range(12):
        data.from_epoch(epoch)
        for i in range(len(data)):
            x, y = data[i]
            np.testing.assert_array_equal(x % 100, y)
            drawn += (x // 100).tolist()
    assert set(drawn) == {0, 1, 2} and min(np.bincount(drawn)) > len(drawn) / 4
    again = ArrayBatches(inputs, LABELS, 5, seed=1, variants=True).from_epoch(11)
    np.testing.assert_array_equal(again[3][0], data[3][0])
    with pytest.raises(ValueError, match="Received: 23, 22"):
        ArrayBatches(inputs, LABELS[:-1], 5, variants=True)


def test_wrong_sizes_are_refused():
    with pytest.raises(ValueError, match="Received: 23, 22"):
        ArrayBatches(IMAGES, LABELS[:-1], 5)
    with pytest.raises(ValueError, match="batch_size=24"):
        ArrayBatches(IMAGES, LABELS, 24)
