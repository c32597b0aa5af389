import keras
import numpy as np
import pytest

from keras_haframe.collapse.batches import batches, check_dataset

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
