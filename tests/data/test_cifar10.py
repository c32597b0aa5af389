"""CIFAR-10's small tree, and its arrays from a TFDS made up here."""

import sys
import types

import numpy as np
import pytest

from keras_haframe.data import cifar10

KINDS = ("images", "labels")
NAMES = "airplane automobile bird cat deer dog frog horse ship truck".split()


def test_classes_are_in_the_data_sets_order():
    assert list(cifar10.class_tree().leaves) == NAMES


def test_two_groups():
    tree = cifar10.class_tree()
    assert [len(set(column)) for column in tree.level_labels().T] == [10, 2]
    distances = tree.distances()
    vehicles = [NAMES.index(n) for n in ("airplane", "automobile", "ship", "truck")]
    for i in range(10):
        for j in range(10):
            same = (i in vehicles) == (j in vehicles)
            assert distances[i, j] == (0 if i == j else 1 if same else 2)


def test_arrays_come_in_file_order(monkeypatch):
    """Whatever the order TFDS reads its shards in."""
    calls = []

    def load(name, split, **options):
        calls.append((name, split, options["data_dir"], options["download"]))
        ids = np.array([b"train_2", b"train_0", b"train_1"])
        images = np.array([2, 0, 1], "uint8")[:, None, None, None] * np.ones((1, 4, 4, 3), "uint8")
        return {"id": ids, "image": images, "label": np.array([7, 5, 6])}

    fake = types.ModuleType("tensorflow_datasets")
    fake.load, fake.as_numpy = load, lambda data: data
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", fake)
    images, labels = cifar10.load_arrays("train", "somewhere", download=False)
    assert calls == [("cifar10", "train", "somewhere", False)]
    np.testing.assert_array_equal(labels, [5, 6, 7])
    np.testing.assert_array_equal(images[:, 0, 0, 0], [0, 1, 2])


def test_arrays_from_a_file_need_no_tfds(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    parts = {f"{s}_{k}": np.arange(n) for s, n in (("train", 3), ("test", 2)) for k in KINDS}
    np.savez(tmp_path / "a.npz", **parts)
    for split in cifar10.SPLITS:
        images, labels = cifar10.load_arrays(split, file=tmp_path / "a.npz")
        np.testing.assert_array_equal(images, parts[f"{split}_images"])
        np.testing.assert_array_equal(labels, parts[f"{split}_labels"])


def test_other_splits_are_refused():
    with pytest.raises(ValueError, match="`split` must be one of.*'validation'"):
        cifar10.load_arrays("validation")


def test_groups_name_every_class_once():
    listed = [name for classes in cifar10.GROUPS.values() for name in classes.split()]
    assert sorted(listed) == NAMES


@pytest.mark.parametrize("label", range(10))
def test_paths(label):
    path = cifar10.class_tree().path(label)
    assert path[0] == "cifar10" and path[1] in cifar10.GROUPS and path[2] == NAMES[label]
