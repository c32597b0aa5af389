"""tieredImageNet-H: the tree, and small archives in ImageNet's format, offline."""

import collections

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.data import class_tree as stored_tree
from keras_haframe.data import tiered_imagenet_h
from keras_haframe.data.splits import read_splits, write_splits
from tests.data.archives import VALIDATION_LABELS, WORDNET, write_imagenet

tfds = pytest.importorskip("tensorflow_datasets")
pytest.importorskip("tensorflow")
pytest.importorskip("keras_haframe.data.builders")
from keras_haframe.data.tiered_imagenet_h import (  # noqa: E402
    archives,
    tiered_imagenet_h_dataset_builder,
)

# The tree


@pytest.fixture(scope="module")
def tree():
    return tiered_imagenet_h.class_tree()


def test_tree_has_the_published_shape(tree):
    assert (tree.num_classes, tree.num_nodes, tree.height) == (608, 843, 12)
    depths = tree.depths[:608]
    assert (depths.min(), depths.max()) == (3, 12)
    levels = tree.level_labels()
    counts = [len(np.unique(levels[:, c])) for c in range(12)]
    assert counts == [608, 607, 584, 510, 422, 270, 159, 86, 35, 21, 5, 2]
    assert not (np.bincount(tree.parents[:-1]) == 1).any()  # no single-child nodes


def test_classes_are_sorted_wordnet_ids(tree):
    assert tree.leaves == sorted(tree.leaves) and tree.root == "n00001930"
    assert all(len(n) == 9 and n[0] == "n" and n[1:].isdigit() for n in tree.nodes)


def test_distances_equal_the_published_ones(tree, benchmark_tree):
    published = benchmark_tree("tiered_imagenet_h")
    assert tree.leaves == published.leaves
    np.testing.assert_array_equal(tree.distances(), published.distances())
    np.testing.assert_array_equal(tree.distances("subtree"), published.distances("subtree"))


def test_dogs_are_near_each_other(tree):
    """Beagle, Siamese cat, airliner."""
    beagle, cat, plane = (tree.index(n) for n in ("n02088364", "n02123597", "n02690373"))
    basset = tree.index("n02088238")
    distances = tree.distances()[beagle]
    assert 0 < distances[basset] < distances[cat] < distances[plane]


# The data set


@pytest.fixture
def small(monkeypatch):
    """Three classes, four training images each, and the fake validation labels."""
    edges = [("all", "animal"), ("all", "thing"), *((v, k) for k, v in WORDNET.items())]
    small_tree = kh.ClassTree(edges, sorted(WORDNET))
    module = tiered_imagenet_h_dataset_builder
    monkeypatch.setattr(module.tree, "class_tree", lambda: small_tree)
    monkeypatch.setattr(module, "validation_labels", lambda: VALIDATION_LABELS)
    monkeypatch.setattr(module, "TRAIN_PARTS", {"train": 4})
    monkeypatch.setattr(module, "VALIDATION_PARTS", {"validation": 1, "test": 2})
    return small_tree


def prepare(folder, manual):
    builder = tfds.builder("tiered_imagenet_h", data_dir=folder / "tfds")
    config = tfds.download.DownloadConfig(manual_dir=manual, try_download_gcs=False)
    builder.download_and_prepare(download_config=config)
    data = {s: list(tfds.as_numpy(builder.as_dataset(split=s))) for s in builder.info.splits}
    return builder, data


def test_counts_labels_and_stored_split(tmp_path, small):
    images = write_imagenet(tmp_path)
    builder, data = prepare(tmp_path, tmp_path)
    for split, count in (("train", 4), ("validation", 1), ("test", 2)):
        found = collections.Counter(int(row["label"]) for row in data[split])
        assert found == {0: count, 1: count, 2: count}
    names = {s: {r["file_name"].decode() for r in rows} for s, rows in data.items()}
    for rows in data.values():
        for row in rows:
            wordnet_id, name = small.leaves[row["label"]], row["file_name"].decode()
            if name.startswith("ILSVRC"):
                assert VALIDATION_LABELS[int(name[-13:-5]) - 1] == wordnet_id
            else:
                assert name.startswith(wordnet_id)
            assert row["image"].shape == (40, 30, 3) and name in images
    assert not names["validation"] & names["test"]
    assert all(n.startswith("ILSVRC") for n in names["validation"] | names["test"])
    stored = read_splits(builder.data_path / "splits.csv")
    assert stored == {n: s for s, ns in names.items() for n in ns}
    assert stored_tree(builder.info) == small


def test_own_split_file(tmp_path, small):
    write_imagenet(tmp_path)
    own = {
        "train": ["n02084071_0.JPEG", "n02958343_2.JPEG"],
        "validation": ["ILSVRC2012_val_00000002.JPEG"],
        "test": ["n02121808_11.JPEG"],  # from the other archive
    }
    write_splits(tmp_path / "tiered_imagenet_h_splits.csv", own)
    _, data = prepare(tmp_path, tmp_path)
    found = {s: sorted(r["file_name"].decode() for r in rows) for s, rows in data.items()}
    assert found == own
    write_splits(tmp_path / "tiered_imagenet_h_splits.csv", {"train": ["n1_1.JPEG"]})
    with pytest.raises(ValueError, match=r"'n1_1\.JPEG', which is in neither archive"):
        prepare(tmp_path / "again", tmp_path)


def test_nothing_there_says_what_to_put_where(tmp_path, small):
    manual = tmp_path / "manual"
    with pytest.raises(AssertionError, match=r"manual does not exist or is empty(.|\n)*img_train"):
        prepare(tmp_path, manual)
    write_imagenet(tmp_path)
    manual.mkdir()
    (tmp_path / "ILSVRC2012_img_train.tar").rename(manual / "ILSVRC2012_img_train.tar")
    message = r"manual/ILSVRC2012_img_val\.tar is missing(.|\n)*image-net\.org(.|\n)*manual_dir="
    with pytest.raises(FileNotFoundError, match=message):
        prepare(tmp_path, manual)


def test_too_few_images_and_missing_classes(tmp_path, small, monkeypatch):
    write_imagenet(tmp_path, per_class=3)
    with pytest.raises(ValueError, match=r"Class 0 has 3 files, but the split asks for.*4"):
        prepare(tmp_path, tmp_path)
    with pytest.raises(ValueError, match=r"has no n00000001\.tar \(1 of 2 classes missing\)"):
        archives.training_names(tmp_path / "ILSVRC2012_img_train.tar", ["n00000001", "n02084071"])
    with pytest.raises(ValueError, match=r"no file named like ILSVRC2012_val_00000001\.JPEG"):
        archives.validation_names(tmp_path / "ILSVRC2012_img_train.tar", VALIDATION_LABELS)


def test_published_validation_labels_give_fifty_images_a_class(tree):
    labels = tiered_imagenet_h_dataset_builder.validation_labels()
    counts = collections.Counter(labels)
    assert len(labels) == 50_000 and {counts[leaf] for leaf in tree.leaves} == {50}
