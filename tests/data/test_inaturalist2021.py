"""iNaturalist 2021 from small archives in the published format, offline."""

import collections

import pytest

from keras_haframe.data import class_tree
from keras_haframe.data.inaturalist2019.categories import category_tree
from keras_haframe.data.inaturalist2021 import categories_of_folders
from keras_haframe.data.splits import read_splits, write_splits
from tests.data.archives import (
    SPECIES_2021,
    folders_2021,
    inaturalist_2021_files,
    write_inaturalist_2021,
    write_tar,
)

tfds = pytest.importorskip("tensorflow_datasets")
pytest.importorskip("tensorflow")
pytest.importorskip("keras_haframe.data.builders")


def prepare(folder, manual, config="mini"):
    builder = tfds.builder(f"inaturalist2021/{config}", data_dir=folder / "tfds")
    options = tfds.download.DownloadConfig(manual_dir=manual, try_download_gcs=False)
    builder.download_and_prepare(download_config=options)
    return builder


def served(builder):
    return {s: list(tfds.as_numpy(builder.as_dataset(split=s))) for s in builder.info.splits}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inat21")
    (folder / "manual").mkdir()
    images = write_inaturalist_2021(folder / "manual")
    builder = prepare(folder, folder / "manual")
    return builder, served(builder), images, folder


def test_validation_images_of_the_competition_are_the_test(prepared):
    """7 training images a species: 5 for validation, 2 to train on."""
    builder, data, images, _ = prepared
    for split, count, start in (
        ("train", 2, "train_"),
        ("validation", 5, "train_"),
        ("test", 2, "val"),
    ):
        labels = collections.Counter(int(row["label"]) for row in data[split])
        assert labels == {0: count, 1: count, 2: count}
        names = [row["file_name"].decode() for row in data[split]]
        assert all(name.startswith(start) for name in names)
        for row, name in zip(data[split], names):
            assert int(name.split("/")[1].split("_")[0]) == row["label"]
    every = {row["file_name"].decode(): split for split, rows in data.items() for row in rows}
    assert set(every) == set(images) and every == read_splits(builder.data_path / "splits.csv")


def test_ranks_are_the_tree_and_equal_genera_are_told_apart(prepared):
    tree = class_tree(tfds.builder("inaturalist2021/mini", data_dir=prepared[3] / "tfds").info)
    assert tree.leaves == list(SPECIES_2021) and tree.height == 7
    assert tree.distances().tolist() == [[0, 4, 7], [4, 0, 7], [7, 7, 0]]
    assert tree.name == "inaturalist2021"
    assert tree.path(0)[-2].endswith("Muscicapidae/Oenanthe")


def test_folders_say_the_same_as_the_annotations():
    rows = categories_of_folders(folders_2021()[::-1])
    _, content = inaturalist_2021_files("val", 1)
    assert category_tree(rows)[0] == category_tree(content)[0]
    assert [row["image_dir_name"] for row in rows] == folders_2021()
    with pytest.raises(ValueError, match="seven ranks.*Received: '00001_Animalia'"):
        categories_of_folders(["00001_Animalia"])
    with pytest.raises(ValueError, match="Two folders have the number 00000"):
        categories_of_folders([folders_2021()[0], folders_2021()[0]])


@pytest.mark.slow
def test_all_images_divided_by_a_file(tmp_path):
    """The config `full`; images that the file does not name are left out."""
    names = sorted(write_inaturalist_2021(tmp_path, "train", per_species=3))
    own = {"train": names[:2], "validation": names[3:4], "test": [names[5], names[-1]]}
    write_splits(tmp_path / "inaturalist2021_splits.csv", own)
    data = served(prepare(tmp_path, tmp_path, "full"))
    assert {s: sorted(r["file_name"].decode() for r in v) for s, v in data.items()} == own


@pytest.mark.slow
def test_what_is_missing_is_named(tmp_path):
    write_inaturalist_2021(tmp_path, per_species=4)
    with pytest.raises(ValueError, match="Class 0 has 4 files, but the split asks for"):
        prepare(tmp_path / "a", tmp_path)
    images = write_inaturalist_2021(tmp_path)
    gone = max(images)  # of val.tar.gz
    write_tar(
        tmp_path / "val.tar.gz",
        {n: v for n, v in images.items() if n.startswith("val") and n != gone}, "w:gz",
    )  # fmt: skip
    with pytest.raises(ValueError, match=rf"val.tar.gz lacks 1 images of the annotations, {gone}"):
        prepare(tmp_path / "b", tmp_path)


def test_downloads_what_is_not_there(tmp_path, prepared, monkeypatch):
    asked = {}
    there = prepared[3] / "manual"
    (tmp_path / "manual").mkdir()
    (tmp_path / "manual/val.tar.gz").write_bytes((there / "val.tar.gz").read_bytes())

    def fetched(self, urls):
        asked.update(urls)
        return {name: there / name for name in urls}

    monkeypatch.setattr(tfds.download.DownloadManager, "download", fetched)
    builder = prepare(tmp_path, tmp_path / "manual")
    base = "https://ml-inat-competition-datasets.s3.amazonaws.com/2021"
    names = ("train_mini.tar.gz", "train_mini.json.tar.gz", "val.json.tar.gz")
    assert asked == {name: f"{base}/{name}" for name in names}
    assert builder.info.splits["test"].num_examples == 6
