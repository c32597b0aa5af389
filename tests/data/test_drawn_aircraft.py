"""The drawn aircraft as a data set: tree, pictures, splits, TFDS."""

import collections
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from keras_haframe.data import drawn_aircraft
from keras_haframe.data.drawn_aircraft import (
    class_names,
    class_tree,
    class_tree_edges,
    draw,
    drawing,
    fleet,
    lineage,
    load_arrays,
)

NAMES = class_names()
K = len(NAMES)


# The class tree


def test_tree_has_one_root_and_unique_names():
    edges = class_tree_edges()
    children = [child for _, child in edges]
    parents = {parent for parent, _ in edges}
    assert len(children) == len(set(children))
    assert parents - set(children) == {fleet.ROOT}


def test_every_leaf_lies_three_levels_below_the_root():
    parent = {child: parent for parent, child in class_tree_edges()}
    leaves = set(parent) - set(parent.values())
    assert leaves == set(NAMES)
    for leaf in leaves:
        family = parent[leaf]
        assert parent[parent[family]] == fleet.ROOT


def test_tree_is_large_enough_and_unbalanced():
    families = collections.Counter(family for _, family, _ in lineage())
    makers = {maker for maker, _, _ in lineage()}
    assert K >= 24 and len(families) >= 10 and len(makers) >= 4
    assert min(families.values()) >= 2  # every class has a sibling to be confused with
    assert len(set(families.values())) > 1


def test_lineage_agrees_with_the_edges():
    edges = set(class_tree_edges())
    for maker, family, variant in lineage():
        assert {(fleet.ROOT, maker), (maker, family), (family, variant)} <= edges
    assert [variant for _, _, variant in lineage()] == NAMES


def test_class_tree():
    tree = class_tree()
    assert list(tree.leaves) == NAMES
    assert tree.height == 3
    expected = np.zeros((K, K))
    for i, a in enumerate(lineage()):
        for j, b in enumerate(lineage()):
            expected[i, j] = 0 if i == j else 1 if a[1] == b[1] else 2 if a[0] == b[0] else 3
    np.testing.assert_array_equal(tree.distances(), expected)


def test_designs_are_inherited_and_distinct():
    designs = dict(zip(NAMES, fleet.designs()))
    assert designs["Meridax 200W"].span == designs["Meridax 100"].span  # from the family
    assert designs["Meridax 100"].pods == designs["Quadrelle 4"].pods - 1  # family over maker
    assert designs["Meridax 200"].winglet == 0 < designs["Meridax 200W"].winglet
    assert len(set(designs.values())) == K


def test_table_rows_that_continue_belong_to_the_row_above():
    # `fin_root` of the Grandel stands in a continued row.
    assert fleet.designs()[NAMES.index("Grandel 500")].fin_root == 9.5


# The pictures


def test_pictures_are_the_same_on_every_machine():
    """Seen equal under OpenBLAS kernels for Haswell and SkylakeX and without SIMD instructions."""
    assert zlib.crc32(draw(range(K), seed=1).tobytes()) == 4568307


def test_pictures_have_shape_type_and_range():
    images = draw(np.arange(K), seed=4)
    assert images.shape == (K, 64, 64, 3) and images.dtype == np.uint8
    assert images.flags.c_contiguous
    assert images.min() < 60 and images.max() > 220
    assert images.reshape(K, -1).std(axis=1).min() > 4  # no flat picture


@pytest.mark.parametrize("size", [16, 33, 96])
def test_other_sizes(size):
    assert draw([0, 7], size=size).shape == (2, size, size, 3)


def test_same_seed_same_pictures():
    labels = [3, 1, 30]
    np.testing.assert_array_equal(draw(labels, seed=9), draw(labels, seed=9))
    assert (draw(labels, seed=9) != draw(labels, seed=10)).mean() > 0.5
    assert (draw(labels, seed=(9, 1)) != draw(labels, seed=(9, 2))).mean() > 0.5


def test_a_picture_does_not_depend_on_its_neighbors():
    labels = np.tile(np.arange(K), 3)
    assert len(labels) > 2 * drawing.BATCH
    together = draw(labels, seed=2).astype(int)
    apart = np.concatenate([draw(labels[:50], seed=2), draw(labels[50:], seed=2, start=50)])
    alone = draw(labels[70:71], seed=2, start=70)
    # Vectorized sines may differ in the last bit with the length of an array.
    assert np.abs(together - apart).max() <= 1
    assert np.abs(together[70] - alone[0]).max() <= 1


def test_pictures_of_one_class_differ():
    images = draw([5] * 8, seed=0).reshape(8, -1).astype(float)
    for i in range(8):
        for j in range(i):
            assert np.abs(images[i] - images[j]).mean() > 5


def test_only_the_aircraft_changes_with_the_label():
    one, other = draw([0], seed=6).astype(int), draw([NAMES.index("Arrowin A")], seed=6)
    changed = np.abs(one - other).max(axis=-1)[0] > 8
    border = np.concatenate([changed[0], changed[-1]])
    assert 0.03 < changed.mean() < 0.6
    assert border.mean() < 0.2


def test_no_labels_give_no_pictures():
    assert draw([], size=32).shape == (0, 32, 32, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": [0, K]}, "Received: labels from 0 to"),
        ({"labels": [-1]}, "must lie between 0 and"),
        ({"labels": [0.5]}, "integers"),
        ({"labels": [[0]]}, "one-dimensional"),
        ({"labels": [0], "size": 8}, "size=8"),
        ({"labels": [0], "start": -1}, "start=-1"),
        ({"labels": [0], "seed": -1}, "seed=-1"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw(**arguments)


def test_mean_color_does_not_tell_classes_apart():
    images, labels = load_arrays("train", examples_per_class=20, size=32)
    held, truth = load_arrays("test", examples_per_class=25, size=32)
    means = images.mean(axis=(1, 2))
    centers = np.stack([means[labels == k].mean(axis=0) for k in range(K)])
    gaps = ((held.mean(axis=(1, 2))[:, None] - centers) ** 2).sum(axis=-1)
    accuracy = (gaps.argmin(axis=1) == truth).mean()
    # Chance is 1/36; 360 pictures make three times that more than six deviations.
    assert accuracy < 3 / K


# The splits


def test_classes_are_equally_frequent():
    for split, count in (("train", 10), ("validation", 2), ("test", 4)):
        labels = drawing.split_labels(split, examples_per_class=10)
        np.testing.assert_array_equal(np.bincount(labels, minlength=K), count)
    assert len(drawing.split_labels("validation", examples_per_class=1)) == K


def test_splits_have_their_own_seeds_and_pictures():
    seeds = [seed for seed, _ in drawing.SPLITS.values()]
    assert len(set(seeds)) == 3
    seen = [
        image.tobytes()
        for split in drawing.SPLITS
        for image in load_arrays(split, examples_per_class=2, size=16)[0]
    ]
    assert len(set(seen)) == len(seen) == 4 * K


def test_iterate_gives_the_arrays_and_smaller_splits_are_prefixes(monkeypatch):
    monkeypatch.setattr(drawing, "CHUNK", 30)
    images, labels = load_arrays("train", examples_per_class=2, size=24)
    pairs = list(drawing.iterate("train", examples_per_class=1, size=24))
    assert [label for _, label in pairs] == labels[:K].tolist()
    pictures = np.stack([picture for picture, _ in pairs]).astype(int)
    assert np.abs(pictures - images[:K]).max() <= 1


def test_bad_splits_are_named():
    with pytest.raises(ValueError, match="split='dev'"):
        load_arrays("dev")
    with pytest.raises(ValueError, match="examples_per_class=0"):
        load_arrays("train", examples_per_class=0)


# Without and with TFDS


def test_drawing_needs_numpy_only():
    # The parent packages are replaced, so that only this room's own imports count.
    root = Path(drawn_aircraft.__file__).parents[2]
    packages = {"keras_haframe": str(root), "keras_haframe.data": str(root / "data")}
    script = f"""
import sys, types
for name, path in {packages!r}.items():
    package = types.ModuleType(name)
    package.__path__ = [path]
    sys.modules[name] = package
for name in ("tensorflow", "tensorflow_datasets", "keras", "PIL", "matplotlib", "scipy"):
    sys.modules[name] = None  # any import of it fails
from keras_haframe.data.drawn_aircraft import draw
assert draw([0], size=16).shape == (1, 16, 16, 3)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The data set with one training picture per class, prepared in a fresh folder."""
    patch = pytest.MonkeyPatch()
    patch.setenv("NO_GCE_CHECK", "true")
    tfds = pytest.importorskip("tensorflow_datasets")
    from keras_haframe.data.drawn_aircraft import drawn_aircraft_dataset_builder as module

    config = module.DrawnAircraftConfig(name="test", examples_per_class=1, size=32)
    data, info = tfds.load(
        "drawn_aircraft",
        data_dir=tmp_path_factory.mktemp("tfds"),
        builder_kwargs={"config": config},
        with_info=True,
    )
    yield {split: list(part.as_numpy_iterator()) for split, part in data.items()}, info
    patch.undo()


def test_tfds_serves_names_and_splits(prepared):
    data, info = prepared
    assert set(data) == set(drawing.SPLITS)
    assert info.features["label"].names == NAMES
    assert info.features["family"].num_classes == len({f for _, f, _ in lineage()})
    assert info.features["manufacturer"].names[0] == lineage()[0][0]
    assert info.supervised_keys == ("image", "label")
    for split in drawing.SPLITS:
        assert info.splits[split].num_examples == len(drawing.split_labels(split, 1))


def test_tfds_labels_agree_with_the_tree(prepared):
    data, info = prepared
    for example in data["train"]:
        names = tuple(
            info.features[level].int2str(int(example[level]))
            for level in ("manufacturer", "family", "label")
        )
        assert names == lineage()[example["label"]]


@pytest.mark.parametrize("split", list(drawing.SPLITS))
def test_tfds_serves_the_drawn_pictures(prepared, split):
    images, labels = load_arrays(split, examples_per_class=1, size=32)
    served = {int(example["label"]): example["image"] for example in prepared[0][split]}
    assert sorted(served) == sorted(labels.tolist())
    for image, label in zip(images, labels.tolist()):
        np.testing.assert_array_equal(served[label], image)


def test_the_tree_is_stored_with_the_data(prepared):
    from keras_haframe.data import class_tree as stored_tree

    tree = stored_tree(prepared[1])
    assert tree.leaves == class_tree().leaves and tree.name == class_tree().name
    np.testing.assert_array_equal(tree.distances(), class_tree().distances())
    assert prepared[0]["test"][0]["file_name"].startswith(b"test/")


def test_a_folder_of_the_version_without_a_tree_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    tfds = pytest.importorskip("tensorflow_datasets")
    from keras_haframe.data import class_tree as stored_tree
    from keras_haframe.data.drawn_aircraft import drawn_aircraft_dataset_builder as module

    class Builder(module.Builder, skip_registration=True):
        name = "drawn_aircraft"
        VERSION = tfds.core.Version("1.0.0")

        def describe(self, tree):
            """Nothing, as version 1.0.0 did."""

    options = {
        "data_dir": tmp_path,
        "config": module.DrawnAircraftConfig(name="test", examples_per_class=1, size=16),
    }
    Builder(**options).download_and_prepare()
    assert (tmp_path / "drawn_aircraft/test/1.0.0/dataset_info.json").exists()
    builder = tfds.builder("drawn_aircraft", **options)
    assert not builder.is_prepared()
    with pytest.raises(ValueError, match="Prepare it first"):
        stored_tree(builder.info)
    builder.download_and_prepare()
    assert stored_tree(builder.info).num_classes == K


def test_tfds_configurations():
    tfds = pytest.importorskip("tensorflow_datasets")
    from keras_haframe.data.drawn_aircraft import drawn_aircraft_dataset_builder as module

    assert tfds.core.GeneratorBasedBuilder in module.Builder.__mro__
    sizes = {c.name: (c.examples_per_class, c.size) for c in module.Builder.BUILDER_CONFIGS}
    assert sizes == {"standard": (100, 64), "tiny": (5, 64)}
