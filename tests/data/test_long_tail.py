import numpy as np
import pytest

from keras_haframe.data.long_tail import keep_examples, long_tail_counts, long_tail_indices
from tests.golden import golden_cases

# Mean number of examples per class; for other data it is the golden file's first count.
N_MAX = {
    "cifar10": 5000, "cifar100": 500, "stl10": 500, "svhn_train": 73257 / 10,
    "svhn_extra": 531131 / 10,
}  # fmt: skip
KINDS = {"exp": "exponential", "step": "step"}


@golden_cases(
    "golden_ext/longtail_counts.npz", "{name}_{kind}_{ratio}", keep=lambda kind, **_: kind in KINDS
)
def test_golden(golden, name, kind, ratio):
    expected = golden("golden_ext/longtail_counts.npz")[f"{name}_{kind}_{ratio}"]
    largest = N_MAX.get(name, int(expected[0]))
    counts = long_tail_counts(largest, len(expected), float(ratio), KINDS[kind])
    np.testing.assert_array_equal(counts, expected)


def test_by_hand():
    # 100 * 0.01^(k / 2): 100, 10, 1.
    assert long_tail_counts(100, 3, 0.01).tolist() == [100, 10, 1]
    assert long_tail_counts(100, 5, 0.1, "step").tolist() == [100, 100, 10, 10, 10]
    assert long_tail_counts(7, 4, 1.0).tolist() == [7, 7, 7, 7]
    assert long_tail_counts(5, 1, 0.5).tolist() == [5]


@pytest.mark.parametrize("kind", ["exponential", "step"])
@pytest.mark.parametrize("ratio", [0.001, 0.02, 0.5, 1.0])
def test_twin(kind, ratio):
    for num_classes in (2, 3, 10, 37):
        for n_max in (1, 33, 500):
            expected = []
            for k in range(num_classes):
                share = ratio ** (k / (num_classes - 1))
                if kind == "step":
                    share = 1.0 if k < num_classes // 2 else ratio
                expected.append(max(1, int(n_max * share)))
            counts = long_tail_counts(n_max, num_classes, ratio, kind)
            assert counts.tolist() == expected
            assert (np.diff(counts) <= 0).all()


def test_no_class_gets_more_than_it_has():
    available = [100, 100, 100, 2, 0]
    counts = long_tail_counts(available, ratio=0.1)
    free = long_tail_counts(np.mean(available), 5, 0.1)
    assert counts.tolist() == np.minimum(free, available).tolist()
    assert counts[3] == 2 and counts[4] == 0


def test_indices_have_the_counts_of_every_class():
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat(np.arange(6), 50))
    for kind in ("exponential", "step"):
        kept = long_tail_indices(labels, 0.1, kind)
        assert (np.diff(kept) > 0).all()
        expected = long_tail_counts(50, 6, 0.1, kind)
        np.testing.assert_array_equal(np.bincount(labels[kept]), expected)


def test_uneven_data_is_capped():
    labels = np.array([0] * 5 + [1] * 60 + [3] * 3)
    kept = long_tail_indices(labels, ratio=0.5, num_classes=5)
    available = np.bincount(labels, minlength=5)
    np.testing.assert_array_equal(
        np.bincount(labels[kept], minlength=5), long_tail_counts(available, ratio=0.5)
    )
    assert not (labels[kept] == 2).any()


def test_the_seed_decides_which_examples():
    labels = np.tile(np.arange(4), 100)
    first, again = long_tail_indices(labels, 0.1, seed=3), long_tail_indices(labels, 0.1, seed=3)
    np.testing.assert_array_equal(first, again)
    other = long_tail_indices(labels, 0.1, seed=4)
    assert len(other) == len(first) and (other != first).any()
    # Every example of a class is equally likely: over many seeds each is kept now and then.
    hits = sum(np.isin(np.arange(400), long_tail_indices(labels, 0.1, seed=s)) for s in range(200))
    rare = hits[labels == 3]
    assert 0 < rare.min() and rare.max() < 60


def test_data_set_keeps_the_same_examples():
    tf = pytest.importorskip("tensorflow")
    labels = np.random.default_rng(1).integers(0, 4, 80)
    images = np.arange(80, dtype="float32")
    kept = long_tail_indices(labels, 0.2)
    dataset = keep_examples(tf.data.Dataset.from_tensor_slices((images, labels)), kept)
    pairs = list(dataset.as_numpy_iterator())
    np.testing.assert_array_equal([x for x, _ in pairs], images[kept])
    np.testing.assert_array_equal([y for _, y in pairs], labels[kept])
    assert int(dataset.cardinality()) == len(kept)
    single = keep_examples(tf.data.Dataset.range(10), [7, 2])
    assert list(single.as_numpy_iterator()) == [2, 7]


def test_data_set_shorter_than_its_indices_is_an_error():
    tf = pytest.importorskip("tensorflow")
    dataset = keep_examples(tf.data.Dataset.range(5), [1, 9])
    with pytest.raises(tf.errors.FailedPreconditionError):
        list(dataset.as_numpy_iterator())


@pytest.mark.parametrize("ratio", [0, -0.1, 1.5, float("nan")])
def test_bad_ratio(ratio):
    with pytest.raises(ValueError, match=r"ratio.*in \(0, 1\]"):
        long_tail_counts(10, 3, ratio)


def test_other_errors():
    with pytest.raises(ValueError, match="kind"):
        long_tail_counts(10, 3, 0.1, "linear")
    with pytest.raises(ValueError, match="num_classes"):
        long_tail_counts(10)
    with pytest.raises(ValueError, match="one count per class"):
        long_tail_counts([1, 2, 3], 4)
    with pytest.raises(ValueError, match="one count per class"):
        long_tail_counts([[1, 2, 3]])
    for labels in ([], [[0, 1]], [0.5, 1.0]):
        with pytest.raises(ValueError, match="labels"):
            long_tail_indices(np.array(labels))
    with pytest.raises(ValueError, match="indices"):
        keep_examples(None, [-1])
