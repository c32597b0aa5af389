import keras
import numpy as np
import pytest

from keras_haframe.collapse import NeuralCollapse
from keras_haframe.collapse.data_sets import (
    CLASSIFIER_MEASURES,
    batches,
    check_dataset,
    measure_splits,
)
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


# Reading ------------------------------------------------------------------------------------

INPUTS = np.arange(20.0).reshape(10, 2)
LABELS = np.arange(10)


class Batches(keras.utils.PyDataset):
    def __init__(self, count=4):
        super().__init__()
        self.count = count

    @property
    def num_batches(self):
        return self.count

    def __getitem__(self, index):
        return INPUTS[index * 3 : index * 3 + 3], LABELS[index * 3 : index * 3 + 3]


def read(dataset, **options):
    out = list(batches(check_dataset(dataset, "dataset", options.get("max_batches")), **options))
    assert all(isinstance(x, np.ndarray) and isinstance(y, np.ndarray) for x, y in out)
    return np.concatenate([x for x, _ in out]), np.concatenate([y for _, y in out]), len(out)


def as_tf():
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices((INPUTS, LABELS)).batch(3)


def as_tf_dicts():
    return as_tf().map(lambda x, y: {"images": x, "labels": y})


def as_loader():
    data = pytest.importorskip("torch.utils.data")
    torch = pytest.importorskip("torch")
    tensors = data.TensorDataset(torch.tensor(INPUTS), torch.tensor(LABELS))
    return data.DataLoader(tensors, batch_size=3)


MAKERS = {
    "arrays": lambda: (INPUTS, LABELS),
    "weighted arrays": lambda: (INPUTS, LABELS, np.ones(10)),
    "list": lambda: [(INPUTS[:3], LABELS[:3]), (INPUTS[3:], LABELS[3:], np.ones(7))],
    "PyDataset": Batches,
    "tf.data": as_tf,
    "tf.data dicts": as_tf_dicts,
    "torch": as_loader,
}


@pytest.mark.parametrize("kind", MAKERS)
def test_every_kind_of_data_set_and_twice(kind):
    dataset = MAKERS[kind]()
    for _ in range(2):
        inputs, labels, _ = read(dataset, batch_size=3)
        np.testing.assert_array_equal(inputs, INPUTS)
        np.testing.assert_array_equal(labels, LABELS)


def test_batch_size_and_bound():
    assert read((INPUTS, LABELS), batch_size=4)[2] == 3
    inputs, _, count = read((INPUTS, LABELS), batch_size=3, max_batches=2)
    assert count == 2 and len(inputs) == 6
    assert read(Batches(), max_batches=3)[2] == 3


def test_nested_inputs():
    pairs = ({"a": INPUTS, "b": LABELS}, LABELS)
    (first, labels), *_ = batches(pairs, batch_size=4)
    assert first["a"].shape == (4, 2) and first["b"].shape == (4,) and len(labels) == 4


def test_infinite_data_needs_a_bound():
    with pytest.raises(ValueError, match=r"`dataset` is infinite.*without `.repeat\(\)`"):
        check_dataset(Batches(None), "dataset", None)
    assert len(list(batches(check_dataset(Batches(None), "dataset", 2), max_batches=2))) == 2
    repeated = as_tf().repeat()
    with pytest.raises(ValueError, match="infinite"):
        check_dataset(repeated, "dataset", None)
    assert len(list(batches(check_dataset(repeated, "dataset", 5), max_batches=5))) == 5


def test_one_shot_and_unusable_data():
    for bad in ((b for b in []), iter([]), 3):
        with pytest.raises(ValueError, match="`test_dataset` is read once per measurement"):
            check_dataset(bad, "test_dataset", None)
    for bad in ([INPUTS], [(INPUTS,)], [{"image": INPUTS, "label": LABELS}]):
        with pytest.raises(ValueError, match="A batch must be"):
            list(batches(bad))
