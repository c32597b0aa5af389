import numpy as np
import pytest

from keras_haframe.collapse import NeuralCollapse
from keras_haframe.collapse.splits import CLASSIFIER_MEASURES, measure_splits
from tests.collapse import twins


class Split:
    """Counts how often it is read."""

    def __init__(self, features, labels, batch=10):
        self.features, self.labels, self.batch, self.reads = features, labels, batch, 0

    def __call__(self):
        self.reads += 1
        for i in range(0, len(self.labels), self.batch):
            yield self.features[i : i + self.batch], self.labels[i : i + self.batch]


def setting():
    rng = np.random.default_rng(0)
    features, labels = twins.draw(rng, 5, 3, 120, spread=0.8)
    features[80:] += 0.5  # test data lie elsewhere
    train, test = Split(features[:80], labels[:80]), Split(features[80:], labels[80:])
    return train, test, rng.standard_normal((5, 3)), rng.standard_normal(5)


def test_test_nc4_uses_training_means_and_one_pass():
    train, test, rows, bias = setting()
    values = measure_splits({"train": train, "test": test}, rows, bias)
    assert (train.reads, test.reads) == (1, 1)
    for name, split in (("train", train), ("test", test)):
        nc = NeuralCollapse(5, 3)
        nc.update(split.features, split.labels)
        for key, value in nc.result(rows, bias).items():
            if not key.startswith("nc4"):
                assert values[f"{name}_{key}"] == pytest.approx(value, rel=1e-9), key
    _, means, _, _ = twins.moments(train.features, train.labels, 5)
    for name, split in (("train", train), ("test", test)):
        expected = twins.disagreement(split.features, split.labels, range(5), means, rows, bias)
        found = values[f"{name}_nc4"], values[f"{name}_nc4_macro"]
        assert found == pytest.approx(expected, rel=1e-12)
    own = NeuralCollapse(5, 3)
    own.update(test.features, test.labels)
    assert own.result(rows, bias)["nc4"] != values["test_nc4"]  # the two do differ here


def test_second_pass_where_features_are_not_kept():
    train, test, rows, bias = setting()
    kept = measure_splits({"train": train, "test": test}, rows, bias)
    again = measure_splits({"train": train, "test": test}, rows, bias, keep_bytes=0)
    assert (train.reads, test.reads) == (3, 2)
    assert again == pytest.approx(kept, rel=1e-12)


def test_without_a_classifier():
    train, test, _, _ = setting()
    values = measure_splits({"train": train, "test": test}, num_classes=5, keep_bytes=0)
    assert (train.reads, test.reads) == (1, 1)
    assert not any(key.split("_", 1)[1] in CLASSIFIER_MEASURES for key in values)
    assert "train_nc1" in values and "test_nc2" in values


def test_names_that_need_a_classifier_are_complete():
    train, _, rows, bias = setting()
    target = np.eye(5) + 0.1
    without = measure_splits({"t": train}, target=target)
    full = measure_splits({"t": train}, rows, bias, target=target)
    assert set(full) - set(without) == {f"t_{name}" for name in CLASSIFIER_MEASURES}


def test_number_of_classes_and_options():
    train, *_ = setting()
    target = np.eye(5) + 0.1
    with pytest.raises(ValueError, match="`num_classes` is not known"):
        measure_splits({"train": train})
    with pytest.raises(ValueError, match="`num_classes` is not known"):
        measure_splits({"train": train}, target=lambda i: target[i])
    base = measure_splits({"train": train}, target=target, mean="sample", centered=False)
    nc = NeuralCollapse(5, 3, target=target, mean="sample", centered=False)
    nc.update(train.features, train.labels)
    assert base["train_nc2"] == pytest.approx(nc.result()["nc2"], rel=1e-9)


def test_empty_split():
    with pytest.raises(ValueError, match="'train' data set has no batch"):
        measure_splits({"train": lambda: []}, num_classes=3)
