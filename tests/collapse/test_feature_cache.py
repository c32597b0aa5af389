import numpy as np

from keras_haframe.collapse.statistics import FeatureCache


def batch(value, rows=2, dtype="float32"):
    return np.full((rows, 4), value, dtype), np.full(rows, 1, np.int64)


SIZE = 2 * (4 * 4 + 8)  # bytes of one float32 batch with its labels


def test_everything_or_nothing():
    kept = FeatureCache(2 * SIZE)
    kept.add(*batch(1.0))
    kept.add(*batch(2.0))
    assert kept.complete and [f[0, 0] for f, _ in kept] == [1.0, 2.0]
    kept.add(*batch(3.0, rows=1))
    assert not kept.complete and list(kept) == []
    kept.add(*batch(4.0, rows=1))  # given up for good: a part would give a wrong NC4
    assert not kept.complete and list(kept) == []


def test_copies_in_the_given_dtype():
    kept = FeatureCache(10**6)
    features, labels = batch(1.5, dtype="float16")
    kept.add(features, labels)
    features[:] = 0
    ((held, _),) = kept
    assert held.dtype == np.float16 and held[0, 0] == 1.5


def test_empty_batches_need_no_room():
    kept = FeatureCache(0)
    kept.add(*batch(1.0, rows=0))
    assert kept.complete and list(kept) == []


def test_merge():
    left, right = FeatureCache(3 * SIZE), FeatureCache(2 * SIZE)
    left.add(*batch(1.0))
    right.add(*batch(2.0))
    left.merge(right)
    assert left.complete and [f[0, 0] for f, _ in left] == [1.0, 2.0]
    left.merge(left)  # four batches do not fit
    assert not left.complete
    right.merge(left)
    assert not right.complete and list(right) == []
