"""FGVC-Aircraft from a small archive in the published format, offline."""

import numpy as np
import pytest

from keras_haframe.data import class_tree
from keras_haframe.data.fgvc_aircraft.annotations import annotation_tree, read_annotations
from tests.data.archives import AIRCRAFT, aircraft_files, pixels, write_tar

tfds = pytest.importorskip("tensorflow_datasets")
pytest.importorskip("tensorflow")
pytest.importorskip("keras_haframe.data.builders")

NAME = "fgvc-aircraft-2013b.tar.gz"


def prepare(folder, manual, **options):
    builder = tfds.builder("fgvc_aircraft", data_dir=folder / "tfds", **options)
    config = tfds.download.DownloadConfig(manual_dir=manual, try_download_gcs=False)
    builder.download_and_prepare(download_config=config)
    return builder


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("aircraft")
    (folder / "manual").mkdir()
    write_tar(folder / "manual" / NAME, aircraft_files(), "w:gz")
    builder = prepare(folder, folder / "manual")
    return builder, {s: list(tfds.as_numpy(builder.as_dataset(s))) for s in builder.info.splits}


@pytest.mark.slow
def test_official_splits(prepared):
    data = prepared[1]
    assert {s: len(rows) for s, rows in data.items()} == {"train": 8, "validation": 4, "test": 4}
    names = [row["file_name"].decode() for row in data["train"]]
    assert sorted(names) == [f"{n}.jpg" for n in range(1000, 1008)]


def test_labels_family_and_manufacturer(prepared):
    builder, data = prepared
    features = builder.info.features
    for rows in data.values():
        for row in rows:
            names = AIRCRAFT[(int(row["file_name"][:-4]) - 1000) % len(AIRCRAFT)]
            keys = ("manufacturer", "family", "label")
            assert tuple(features[k].int2str(row[k]) for k in keys) == names
    assert features["label"].names == ["737-300", "Boeing 717", "E-170", "F/A-18"]
    assert features["manufacturer"].num_classes == 3 and features["family"].num_classes == 4


def test_banner_is_cut_off_and_nothing_else(prepared):
    for row in prepared[1]["test"]:
        original = pixels(int(row["file_name"][:-4]), 48, 32)
        assert row["image"].shape == (48, 32, 3)
        # JPEG twice; a row of the white banner would differ by more than 50.
        assert np.abs(row["image"].astype(int) - original).max() <= 16


def test_tree_is_stored_with_the_data(prepared):
    builder, _ = prepared
    again = tfds.builder("fgvc_aircraft", data_dir=builder.data_dir_root)
    tree = class_tree(again.info)
    assert tree == class_tree(builder.info) and tree.height == 3
    assert tree.leaves == again.info.features["label"].names
    assert tree.path("737-300") == ["aircraft", "Boeing", "Boeing 737", "737-300"]
    # A family called like its variant keeps a name of its own.
    assert tree.path("Boeing 717") == ["aircraft", "Boeing", "Boeing/Boeing 717", "Boeing 717"]
    i, j, k = (tree.index(n) for n in ("737-300", "Boeing 717", "E-170"))
    assert (tree.distances()[i, j], tree.distances()[i, k]) == (2, 3)


def test_unpacked_folder_in_manual_dir(tmp_path, prepared):
    for name, content in aircraft_files().items():
        path = tmp_path / "manual" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    builder = prepare(tmp_path, tmp_path / "manual")
    rows = tfds.as_numpy(builder.as_dataset("test"))
    found = {r["file_name"]: r["image"].sum() for r in rows}
    assert found == {r["file_name"]: r["image"].sum() for r in prepared[1]["test"]}


def test_download_where_nothing_was_put(tmp_path, monkeypatch):
    """The address asked for is the official one; no checksum is needed."""
    asked = []
    for name, content in aircraft_files().items():
        path = tmp_path / "unpacked" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def fetched(self, url):
        asked.append(url)
        return tmp_path / "unpacked"

    monkeypatch.setattr(tfds.download.DownloadManager, "download_and_extract", fetched)
    builder = prepare(tmp_path, None)
    assert asked == [f"https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/archives/{NAME}"]
    assert builder.info.splits["train"].num_examples == 8


@pytest.mark.parametrize("policy", ["refuse", "skip"])
def test_corrupt_image(tmp_path, policy):
    (tmp_path / "manual").mkdir()
    write_tar(tmp_path / "manual" / NAME, aircraft_files(corrupt=("1002",)), "w:gz")
    if policy == "refuse":
        with pytest.raises(ValueError, match=r"1002\.jpg .*is not a readable image.*on_corrupt"):
            prepare(tmp_path, tmp_path / "manual")
    else:
        with pytest.warns(UserWarning, match=r"Skipped: .*1002\.jpg"):
            builder = prepare(tmp_path, tmp_path / "manual", on_corrupt="skip")
        assert builder.info.splits["train"].num_examples == 7


def test_unknown_policy():
    with pytest.raises(ValueError, match=r"`on_corrupt` must be one of.*'ignore'"):
        tfds.builder("fgvc_aircraft", on_corrupt="ignore")


# Annotations


def write_lists(folder, changes=None):
    for name, content in aircraft_files().items():
        if name.endswith(".txt"):
            (folder / name.rsplit("/", 1)[-1]).write_bytes(content)
    for name, text in (changes or {}).items():
        (folder / name).write_text(text)


def test_reads_names_with_spaces(tmp_path):
    write_lists(tmp_path)
    found = read_annotations(tmp_path)
    assert found["train"]["1002"] == ("McDonnell Douglas", "F/A-18", "F/A-18")


def test_damaged_lists_are_named(tmp_path):
    write_lists(tmp_path, {"images_family_val.txt": "1008 Boeing 717\n"})
    with pytest.raises(ValueError, match=r"images_family_val\.txt .* 1009 for example"):
        read_annotations(tmp_path)
    write_lists(tmp_path)
    (tmp_path / "images_variant_test.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"images_variant_test\.txt is missing"):
        read_annotations(tmp_path)


def test_a_variant_of_two_families_is_refused():
    lists = {"train": {"1": ("A", "B", "v"), "2": ("A", "C", "v")}}
    with pytest.raises(ValueError, match="Variant 'v' belongs to two: 'B' and 'C'"):
        annotation_tree(lists)


def test_tree_of_the_published_annotations(benchmark_tree):
    """The 100 published lineages, read back from the papers' tree, give the papers' distances."""
    published = benchmark_tree("fgvc_aircraft")

    def plain(name):
        return name.split("-", 1)[1].replace("-slash-", "/")

    lineages = [tuple(plain(n) for n in published.path(k)[1:]) for k in range(100)]
    shuffled = np.random.default_rng(0).permutation(100)
    tree = annotation_tree({"train": {str(i): lineages[i] for i in shuffled}})
    assert tree.leaves == [names[-1] for names in lineages]
    np.testing.assert_array_equal(tree.distances(), published.distances())
    assert tree.num_nodes == published.num_nodes
