"""iNaturalist 2019 from small archives in the published format, offline."""

import collections
import json

import pytest

from keras_haframe.data import class_tree
from keras_haframe.data.inaturalist2019.categories import category_tree, labeled_images, read_json
from keras_haframe.data.splits import read_splits, write_splits
from tests.data.archives import SPECIES, inaturalist_files, write_inaturalist, write_tar

tfds = pytest.importorskip("tensorflow_datasets")
pytest.importorskip("tensorflow")
pytest.importorskip("keras_haframe.data.builders")

PER_SPECIES = 8


def prepare(folder, manual):
    builder = tfds.builder("inaturalist2019", data_dir=folder / "tfds")
    config = tfds.download.DownloadConfig(manual_dir=manual, try_download_gcs=False)
    builder.download_and_prepare(download_config=config)
    return builder


def served(builder):
    return {s: list(tfds.as_numpy(builder.as_dataset(split=s))) for s in builder.info.splits}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inat")
    (folder / "manual").mkdir()
    images = write_inaturalist(folder / "manual", PER_SPECIES)
    builder = prepare(folder, folder / "manual")
    return builder, served(builder), images, folder


def test_every_species_is_divided(prepared):
    """8 images a species: 15 percent rounded down is one for validation and one for test."""
    _, data, images, _ = prepared
    assert {s: len(rows) for s, rows in data.items()} == {"train": 18, "validation": 3, "test": 3}
    for split, count in (("train", 6), ("validation", 1), ("test", 1)):
        labels = collections.Counter(int(row["label"]) for row in data[split])
        assert labels == {0: count, 1: count, 2: count}
    names = [row["file_name"].decode() for rows in data.values() for row in rows]
    assert sorted(names) == sorted(images)


def test_labels_follow_the_category_numbers(prepared):
    builder, data, _, _ = prepared
    assert builder.info.features["label"].names == list(SPECIES)
    for rows in data.values():
        for row in rows:
            assert int(row["file_name"].split(b"/")[2]) == row["label"]


def test_split_is_stored_beside_the_data(prepared):
    builder, data, _, _ = prepared
    stored = read_splits(builder.data_path / "splits.csv")
    for split, rows in data.items():
        names = {row["file_name"].decode() for row in rows}
        assert names == {name for name, s in stored.items() if s == split}


def test_ranks_are_the_tree(prepared):
    folder = prepared[3]
    tree = class_tree(tfds.builder("inaturalist2019", data_dir=folder / "tfds").info)
    assert tree.leaves == list(SPECIES) and tree.height == 7
    path = ["life", *SPECIES["Quercus alba"].split("/"), "Quercus alba"]
    assert tree.path("Quercus alba") == path
    assert tree.distances().tolist() == [[0, 1, 7], [1, 0, 7], [7, 7, 0]]


def test_own_split_file(tmp_path, prepared):
    """Another division is taken as it is; images that it does not name are left out."""
    names = sorted(prepared[2])
    manual = tmp_path / "manual"
    manual.mkdir()
    write_inaturalist(manual, PER_SPECIES)
    own = {"train": names[:3], "validation": names[8:9], "test": names[16:18]}
    write_splits(manual / "inaturalist2019_splits.csv", own)
    builder = prepare(tmp_path, manual)
    data = served(builder)
    assert {s: sorted(r["file_name"].decode() for r in v) for s, v in data.items()} == own
    assert read_splits(builder.data_path / "splits.csv")[names[0]] == "train"


def test_own_split_file_with_an_unknown_image(tmp_path):
    write_inaturalist(tmp_path, 7)
    write_splits(tmp_path / "inaturalist2019_splits.csv", {"train": ["train_val2019/x.jpg"]})
    with pytest.raises(ValueError, match=r"'train_val2019/x\.jpg', which is in no annotation"):
        prepare(tmp_path, tmp_path)


def test_archive_without_some_images(tmp_path):
    write_inaturalist(tmp_path, 7)
    images, _ = inaturalist_files(7)
    gone = sorted(images)[0]
    fewer = {n: v for n, v in images.items() if n != gone}
    write_tar(tmp_path / "train_val2019.tar.gz", fewer, "w:gz")
    with pytest.raises(ValueError, match=rf"lacks 1 images of the annotations, {gone}"):
        prepare(tmp_path, tmp_path)


def test_downloads_what_is_not_there(tmp_path, prepared, monkeypatch):
    """The official addresses, and only for files that `manual_dir` lacks."""
    asked = {}
    (tmp_path / "manual").mkdir()
    for name in ("train_val2019.tar.gz", "train2019.json.tar.gz"):
        source = prepared[3] / "manual" / name
        (tmp_path / "manual" / name).write_bytes(source.read_bytes())

    def fetched(self, urls):
        asked.update(urls)
        return {name: prepared[3] / "manual" / name for name in urls}

    monkeypatch.setattr(tfds.download.DownloadManager, "download", fetched)
    builder = prepare(tmp_path, tmp_path / "manual")
    base = "https://ml-inat-competition-datasets.s3.amazonaws.com/2019"
    assert asked == {
        name: f"{base}/{name}" for name in ("val2019.json.tar.gz", "categories.json.tar.gz")
    }
    assert builder.info.splits["train"].num_examples == 18


# Category and annotation files


def test_reads_packed_and_plain_json(tmp_path):
    write_inaturalist(tmp_path)
    packed = read_json(tmp_path / "categories.json.tar.gz")
    (tmp_path / "categories.json").write_text(json.dumps(packed))
    assert read_json(tmp_path / "categories.json") == packed
    write_tar(tmp_path / "two.tar.gz", {"a.json": b"[]", "b.json": b"[]"}, "w:gz")
    with pytest.raises(ValueError, match="must hold one JSON file"):
        read_json(tmp_path / "two.tar.gz")


def test_categories_in_any_form():
    _, content = inaturalist_files()
    rows = content["categories"]
    tree, names = category_tree(rows)
    assert category_tree({"categories": rows})[0] == tree
    assert names == dict(enumerate(SPECIES))


def test_hidden_names_are_recognized():
    """The competition's first files had no ranks."""
    _, content = inaturalist_files()
    with pytest.raises(ValueError, match=r"lacks 'kingdom'.*August 2019"):
        category_tree(content["train2019"]["categories"])


def test_labeled_images():
    _, content = inaturalist_files()
    labels = labeled_images(content["train2019"])
    assert len(labels) == 21 and all(int(n.split("/")[2]) == c for n, c in labels.items())
