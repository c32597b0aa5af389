"""Cut-mix by brute force: boxes, shares, and mix-up in the other batches."""

import numpy as np
import pytest

from keras_haframe.data import ArrayBatches, CutMixedBatches, MixedBatches

IMAGES = np.random.default_rng(0).normal(size=(64, 8, 10, 3)).astype("float32")
LABELS = np.arange(64) % 4


def box(plain, mixed, first=0):
    """Where an image shows its partner: rows and columns of one rectangle."""
    partner = first + 1 if first % 2 == 0 else first - 1
    same = (mixed[first] == plain[first]).all(-1)
    assert (same | (mixed[first] == plain[partner]).all(-1)).all()
    rows, columns = np.nonzero(~same)
    if not len(rows):
        return 0
    area = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    assert area == len(rows)  # nothing left out of the rectangle
    return area


def test_boxes_and_shares():
    plain = ArrayBatches(IMAGES, LABELS, 8, 3)
    cut = CutMixedBatches(IMAGES, LABELS, 8, 3, switch=1.0)
    areas = []
    for epoch in range(5):
        plain.epoch = cut.epoch = epoch
        for i in range(8):
            (x, y), (mixed, labels, weights) = plain[i], cut[i]
            np.testing.assert_array_equal(y, labels)
            found = {box(x, mixed, first) for first in range(8)}
            assert len(found) == 1  # one box for the batch
            areas += found
            np.testing.assert_allclose(weights[:, 0], 1 - areas[-1] / 80, rtol=1e-6)
            np.testing.assert_allclose(weights.sum(1), 1.0, rtol=1e-6)
    assert len(set(areas)) > 10 and max(areas) > 40


def test_batches_take_turns():
    cut = CutMixedBatches(IMAGES, LABELS, 2, 0, switch=0.5)
    plain = ArrayBatches(IMAGES, LABELS, 2, 0)
    blended = 0
    for i in range(32):
        x, mixed = plain[i][0], cut[i][0]
        outside = np.abs(mixed - x).max(-1).min() > 1e-6  # no value left as it was
        blended += outside
    assert 6 < blended < 26


def test_without_cuts_every_batch_is_blended():
    never = CutMixedBatches(IMAGES, LABELS, 8, 1, switch=0.0, alpha=0.8)
    images, _, weights = never[0]
    x = ArrayBatches(IMAGES, LABELS, 8, 1)[0][0]
    lam = weights[0, 0]
    np.testing.assert_allclose(images[0], lam * x[0] + (1 - lam) * x[1], rtol=1e-4, atol=1e-5)
    assert isinstance(never, MixedBatches)


def test_same_seed_same_batches():
    first, again = (CutMixedBatches(IMAGES, LABELS, 8, 1) for _ in range(2))
    for a, b in zip(first[2], again[2]):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("options", [{"cut_alpha": 0.0}, {"switch": 1.5}])
def test_wrong_options(options):
    with pytest.raises(ValueError, match="`cut_alpha` must be positive and `switch` from 0 to 1"):
        CutMixedBatches(IMAGES, LABELS, 8, **options)
