"""The drawn catalogue: numbers, tree and pictures against plain Python, splits, batches, TFDS."""

import zlib

import numpy as np
import pytest

from keras_haframe.data import ArrayBatches, drawn_catalogue
from keras_haframe.data.drawn_catalogue import Catalogue, Pictures, class_tree, drawing, numbers
from keras_haframe.data.drawn_catalogue.pictures import class_counts
from keras_haframe.data.long_tail import long_tail_counts

WORD = 1 << 64


def mixed(x: int) -> int:
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB % WORD
    return x ^ (x >> 31)


# Random numbers


def test_words_against_whole_numbers_of_python():
    odd, first = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9
    keys = [0, 1, 12345, WORD - 1]
    expected = [
        [mixed((mixed((k * odd + first) % WORD) + i * odd) % WORD) for i in (1, 2, 3)] for k in keys
    ]
    assert numbers.words(np.array(keys, np.uint64), 3).tolist() == expected


def test_numbers_are_spread_as_they_should_be():
    keys = numbers.key(7, np.arange(20_000))
    drawn, even = numbers.normal(keys, 6), numbers.uniform(keys, 6)
    assert abs(drawn.mean(0)).max() < 0.03 and abs(drawn.std(0) - 1).max() < 0.03
    assert 0 <= even.min() and even.max() < 1 and abs(even.mean(0) - 0.5).max() < 0.01
    assert abs(np.corrcoef(drawn.T) - np.eye(6)).max() < 0.03
    assert abs(np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1]) < 0.03
    many = numbers.key(np.repeat(np.arange(300), 300), np.tile(np.arange(300), 300))
    assert len(np.unique(many)) == 90_000  # order of the parts counts, too


# The class tree


@pytest.mark.parametrize("config", ["tiny", "10k", Catalogue(33, seed=5), Catalogue(700, seed=1)])
def test_classes_lie_five_to_eight_levels_deep(config):
    tree = class_tree(config)
    depths = tree.depths[: tree.num_classes]
    assert depths.min() >= 5 and depths.max() <= 8 and len(set(depths)) > 1
    for label in np.linspace(0, tree.num_classes - 1, 20).astype(int):
        parts = tree.leaves[label].split("-")
        assert tree.path(label) == [
            "catalogue",
            *("-".join(parts[: i + 1]) for i in range(len(parts))),
        ]


def test_branches_are_of_different_sizes():
    tree = class_tree("10k")
    assert tree.num_classes == 10_000 and tree.height == 8
    _, start, stop = tree.leaf_ranges
    for level in tree.by_depth[2:6]:
        sizes = (stop - start)[level]
        assert sizes.max() > 4 * sizes.min()
    assert class_tree(Catalogue(10_000, seed=1)) != tree


# The pictures


def test_pictures_are_the_same_on_every_machine():
    images, _ = drawn_catalogue.load_arrays("test", "tiny")
    assert zlib.crc32(images.tobytes()) == 1811461530


def test_a_design_is_the_sum_of_what_the_nodes_change():
    size = drawn_catalogue.CONFIGS["tiny"]
    tree = class_tree(size)
    for label in (0, 17, 63):
        total = np.zeros(drawing.NUMBERS)
        for depth, node in enumerate(tree.path(label)[1:]):
            key = numbers.key(size.seed, drawing.DESIGN_STREAM, tree.index(node))
            total += drawing.CHANGES[depth] * numbers.normal(key, drawing.NUMBERS)[0]
        np.testing.assert_allclose(drawing.designs(size)[label], total, rtol=1e-6)


def test_a_picture_pixel_by_pixel():
    key = numbers.key(3, 1, 4)
    design = numbers.normal(numbers.key(9), drawing.NUMBERS)
    drawn = numbers.normal(key, drawing.NUMBERS + 768)[0]
    chance = 2 * numbers.uniform(key ^ np.uint64(1), 6)[0] - 1
    p = design[0] + drawing.PIECE * drawn[: drawing.NUMBERS]
    p = p / (1 + abs(p))
    found = drawing.draw(design, key)[0]
    for y, x, c in [(0, 0, 0), (3, 12, 1), (8, 8, 2), (15, 2, 0), (9, 5, 1)]:
        tone = 0.25 * p[c]
        for m in range(6):
            q = p[3 + 7 * m : 10 + 7 * m]
            away = [
                (at - 7.5 - 7 * q[i] - drawing.SHIFT * chance[i]) / (3 + 2 * q[2 + i])
                for i, at in enumerate((y, x))
            ]
            bells = [1 / (1 + a**2 + a**4) for a in away]
            tone += 0.5 * q[4 + c] * bells[0] * bells[1]
        light = 1 + drawing.LIGHT * chance[2] + drawing.TINT * chance[3 + c]
        grain = drawing.GRAIN * drawn[drawing.NUMBERS + 48 * y + 3 * x + c]
        value = 255 * min(max((0.5 + tone) * light + grain, 0), 1)
        assert abs(found[y, x, c] - value) <= 0.5 + 1e-6


def test_near_classes_look_alike():
    images, labels = drawn_catalogue.load_arrays("train", "tiny")
    means = np.stack([images[labels == k].mean(0).ravel() for k in range(64)])
    apart = np.linalg.norm(means[:, None] - means, axis=2)
    tree = class_tree("tiny").distances()
    by_distance = [apart[tree == d].mean() for d in range(1, 7)]
    assert (np.diff(by_distance) > 0).all()


# Splits and batches


def test_rows_are_drawn_when_they_are_read():
    images, labels = drawn_catalogue.load_arrays("train", "tiny")
    pictures = Pictures("train", "tiny")
    rows = np.array([500, 3, 3, 77])
    np.testing.assert_array_equal(pictures[rows], images[rows])
    np.testing.assert_array_equal(pictures[9], images[9])
    np.testing.assert_array_equal(pictures[510:], images[510:])
    assert pictures.shape == images.shape and pictures.dtype == images.dtype
    assert np.bincount(labels).tolist() == [8] * 64
    assert len(np.unique(images.reshape(512, -1), axis=0)) == 512
    others = drawn_catalogue.load_arrays("validation", "tiny")[0]
    assert not (others[0] == images[labels == 0]).all((1, 2, 3)).any()
    assert len(Pictures("train", "100k")) == 500_000  # nothing is drawn yet


def test_batches_are_those_of_the_arrays():
    images, labels = drawn_catalogue.load_arrays("train", "tiny")
    pictures = Pictures("train", "tiny")
    change = drawn_catalogue.PREPROCESSING.train_batch
    for share in ((0, 1), (1, 2)):
        one = ArrayBatches(images, labels, 64, 3, change, share).from_epoch(2)
        two = ArrayBatches(pictures, pictures.labels, 64, 3, change, share).from_epoch(2)
        for a, b in zip(one[5], two[5]):
            np.testing.assert_array_equal(a, b)


def test_long_tail():
    size = Catalogue(200, train=50, long_tail=0.1)
    counts = class_counts("train", size)
    assert sorted(counts) == sorted(long_tail_counts(50, 200, 0.1))
    assert abs(np.corrcoef(counts, np.arange(200))[0, 1]) < 0.2  # anywhere in the tree
    pictures = Pictures("train", size)
    np.testing.assert_array_equal(np.bincount(pictures.labels), counts)
    assert pictures.examples.max() == 49 and class_counts("test", size).tolist() == [2] * 200


def test_a_mirror_image_may_be_another_class():
    """Cropped, never mirrored."""
    ramp = np.broadcast_to(np.arange(16, dtype=np.uint8)[:, None], (64, 16, 16, 3))
    how = drawn_catalogue.PREPROCESSING.augmentation
    changed = how(np.random.default_rng(0), ramp).astype(int)
    assert (changed[:, 0, 14, 0] > changed[:, 0, 1, 0]).all()
    assert len(np.unique(changed[:, 0, 4, 0])) == 3  # every shift


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Catalogue(5), "`classes` must be a whole number of at least 32. Received: 5"),
        (lambda: Catalogue(100, train=0), "`train` must be"),
        (lambda: Catalogue(100, long_tail=0.0), "`long_tail` must be in"),
        (lambda: class_tree("1k"), "'tiny', '10k', '100k'.*Received: '1k'"),
        (lambda: Pictures("val", "tiny"), "`split` must be one of.*Received: 'val'"),
    ],
)
def test_bad_sizes_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_as_a_tfds_data_set(tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    pytest.importorskip("tensorflow")
    import keras_haframe.data.builders  # noqa: F401 (registers the data set)
    from keras_haframe.data import class_tree as stored_tree

    builder = tfds.builder("drawn_catalogue/tiny", data_dir=tmp_path)
    builder.download_and_prepare()
    assert stored_tree(builder.info) == class_tree("tiny")
    images, labels = drawn_catalogue.load_arrays("test", "tiny")
    rows = list(tfds.as_numpy(builder.as_dataset(split="test")))
    assert len(rows) == len(images)
    for row in rows:
        i = int(row["file_name"].split(b"/")[1])
        np.testing.assert_array_equal(row["image"], images[i])
        assert row["label"] == labels[i]
