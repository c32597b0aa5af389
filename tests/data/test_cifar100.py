"""The CIFAR-100 tree against the published distances and the data set's own superclasses."""

import os

import numpy as np
import pytest

from keras_haframe.data import cifar100

KINDS = ("images", "labels")


@pytest.fixture(scope="module")
def tree():
    return cifar100.class_tree()


def test_nodes_per_level_are_those_of_the_papers(tree):
    levels = tree.level_labels()
    assert [len(np.unique(levels[:, i])) for i in range(levels.shape[1])] == [100, 20, 8, 4, 2]


def test_every_class_lies_at_depth_five(tree):
    assert all(len(tree.path(k)) == 6 for k in range(100))


def test_classes_are_in_label_order(tree):
    assert list(tree.leaves) == sorted(tree.leaves)
    assert tree.leaves[0] == "apple" and tree.leaves[99] == "worm" and tree.leaves[71] == "sea"


def test_superclasses_have_five_classes_each():
    assert all(len(classes.split()) == 5 for classes in cifar100.SUPERCLASSES.values())


def test_distances_equal_the_published_ones(tree, benchmark_tree):
    published = benchmark_tree("cifar100")
    np.testing.assert_array_equal(tree.distances(), published.distances())


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ("boy", "girl", 1),
        ("boy", "wolf", 2),
        ("boy", "bee", 3),
        ("boy", "rose", 4),
        ("boy", "bus", 5),
    ],
)
def test_distances_by_hand(tree, first, second, distance):
    assert tree.distances()[tree.index(first), tree.index(second)] == distance


# Splits


def test_validation_is_the_end_of_every_class():
    """By brute force, on shuffled images with unequal classes."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2, 4], [6, 9, 4, 7])
    rng.shuffle(labels)
    order = rng.permutation(len(labels))
    ids = np.array([f"train_{i:05d}" for i in range(len(labels))])
    mask = cifar100.validation_mask(labels[order], ids[order], per_class=3)
    expected = {i for k in (0, 1, 2, 4) for i in np.flatnonzero(labels == k)[-3:]}
    assert {int(order[i]) for i in np.flatnonzero(mask)} == expected
    assert mask.sum() == 12


def test_validation_mask_refuses():
    with pytest.raises(ValueError, match="Class 1 has 2 images, so 2 of them"):
        cifar100.validation_mask([0, 0, 0, 1, 1], range(5), per_class=2)
    with pytest.raises(ValueError, match="two are the same"):
        cifar100.validation_mask([0, 0], ["a", "a"], per_class=1)


def test_arrays_from_tfds(tmp_path, monkeypatch):
    """TFDS's own builder on a small file in the published binary format."""
    tfds = pytest.importorskip("tensorflow_datasets")
    pytest.importorskip("tensorflow")
    rng = np.random.default_rng(0)
    folder = tmp_path / "download" / "cifar-100-binary"
    folder.mkdir(parents=True)
    fine = sorted(n for names in cifar100.SUPERCLASSES.values() for n in names.split())
    (folder / "fine_label_names.txt").write_text("\n".join(fine) + "\n")
    (folder / "coarse_label_names.txt").write_text("\n".join(cifar100.SUPERCLASSES) + "\n")
    written = {}
    for split, count in (("train", 52), ("test", 2)):
        labels = rng.permutation(np.repeat([3, 97], count))
        images = rng.integers(0, 256, (len(labels), 3, 32, 32), "uint8")
        rows = [bytes([0, y]) + x.tobytes() for x, y in zip(images, labels)]
        (folder / f"{split}.bin").write_bytes(b"".join(rows))
        written[split] = (images.transpose(0, 2, 3, 1), labels)
    monkeypatch.setattr(
        tfds.download.DownloadManager, "download_and_extract", lambda *_: folder.parent
    )
    config = tfds.download.DownloadConfig(try_download_gcs=False)
    builder = tfds.builder("cifar100", data_dir=tmp_path / "tfds")
    builder.download_and_prepare(download_config=config)

    data = {
        split: cifar100.load_arrays(split, tmp_path / "tfds", download=False)
        for split in cifar100.SPLITS
    }
    images, labels = written["train"]
    last = np.sort(np.concatenate([np.flatnonzero(labels == k)[-50:] for k in (3, 97)]))
    for split, places in (("validation", last), ("train", np.setdiff1d(np.arange(104), last))):
        np.testing.assert_array_equal(data[split][0], images[places])
        np.testing.assert_array_equal(data[split][1], labels[places])
    for split, stored in (("test", "test"), ("train+validation", "train")):
        for found, expected in zip(data[split], written[stored]):
            np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="`split` must be one of.*'dev'"):
        cifar100.load_arrays("dev")
    arrays = {f"{s}_{k}": v for s, pair in written.items() for k, v in zip(KINDS, pair)}
    np.savez(tmp_path / "file.npz", **arrays)
    for split, pair in data.items():
        for found, expected in zip(cifar100.load_arrays(split, file=tmp_path / "file.npz"), pair):
            np.testing.assert_array_equal(found, expected)
    assert data["train"][0].shape == (4, 32, 32, 3) and data["train"][0].dtype == np.uint8


def test_real_arrays(tmp_path):
    """The published counts, where CIFAR-100 is prepared (KERAS_HAFRAME_TFDS)."""
    folder = os.environ.get("KERAS_HAFRAME_TFDS")
    if not folder:
        pytest.skip("KERAS_HAFRAME_TFDS does not name a folder with the prepared cifar100")
    for split, count in (("train", 450), ("validation", 50), ("test", 100)):
        labels = cifar100.load_arrays(split, folder, download=False)[1]
        assert (np.bincount(labels) == count).all()
