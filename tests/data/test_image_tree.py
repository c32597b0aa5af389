"""A folder of one's own images as a TFDS data set."""

import collections

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.data import class_tree
from keras_haframe.data.splits import seeded_split
from tests.data.archives import CORRUPT, encoded, jpeg, pixels

tfds = pytest.importorskip("tensorflow_datasets")
pytest.importorskip("tensorflow")
builders = pytest.importorskip("keras_haframe.data.builders")
ImageTreeConfig = builders.ImageTreeConfig

CLASSES = {"land/car": 8, "land/truck": 7, "air/jet": 9, "air/light/glider": 7}
LEAVES = ["jet", "glider", "car", "truck"]  # sorted by path


def write(top, classes=CLASSES, start=0):
    for c, (folder, count) in enumerate(classes.items()):
        (top / folder).mkdir(parents=True)
        for i in range(count):
            kind = ("jpeg", "png", "bmp")[i % 3]
            name = f"{i}.{ {'jpeg': 'JPG'}.get(kind, kind) }".replace(" ", "")
            content = encoded(pixels(start + 100 * c + i), kind)
            (top / folder / name).write_bytes(content)


def prepare(tmp_path, on_corrupt="refuse", **config):
    config = ImageTreeConfig(**{"name": "mine", "path": tmp_path / "photos", **config})
    builder = tfds.builder(
        "image_tree", data_dir=tmp_path / "tfds", config=config, on_corrupt=on_corrupt
    )
    builder.download_and_prepare()
    return builder, {s: list(tfds.as_numpy(builder.as_dataset(s))) for s in builder.info.splits}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image_tree")
    write(folder / "photos")
    (folder / "photos" / ".hidden").mkdir()
    (folder / "photos" / "land" / "car" / "notes.txt").write_text("not an image")
    return (*prepare(folder, validation=0.15, test=0.3), folder)


def test_tree_is_that_of_the_folders(prepared):
    builder, _, folder = prepared
    tree = class_tree(builder.info)
    assert tree.leaves == LEAVES == builder.info.features["label"].names
    assert tree == kh.ClassTree.from_folders(folder / "photos", name="mine")
    assert tree.path("glider")[1:] == ["air", "light", "glider"]


def test_labels_and_pictures(prepared):
    _, data, _ = prepared
    for rows in data.values():
        for row in rows:
            path = row["file_name"].decode()
            folder, name = path.rsplit("/", 1)
            assert folder.endswith(LEAVES[row["label"]])
            number = 100 * list(CLASSES).index(folder) + int(name.split(".")[0])
            tolerance = 8 if name.endswith("JPG") else 0
            assert np.abs(row["image"].astype(int) - pixels(number)).max() <= tolerance
    names = [row["file_name"] for rows in data.values() for row in rows]
    assert len(set(names)) == len(names) == sum(CLASSES.values())


def test_shares_of_every_class(prepared):
    _, data, _ = prepared
    for split, share in (("validation", 0.15), ("test", 0.3)):
        counts = collections.Counter(int(row["label"]) for row in data[split])
        sizes = {LEAVES.index(f.rsplit("/")[-1]): n for f, n in CLASSES.items()}
        assert counts == {label: int(share * n) for label, n in sizes.items()}


def test_seed_decides_the_split(prepared):
    """The rule of `seeded_split`, with the label as a class's own stream."""
    _, data, _ = prepared
    files = [f"air/jet/{i}.{('JPG', 'png', 'bmp')[i % 3]}" for i in range(9)]
    parts = seeded_split(files, {"validation": 0.15, "test": 0.3, "train": -1}, 0, 0)
    found = [r["file_name"].decode() for r in data["test"] if r["label"] == 0]
    assert sorted(found) == parts["test"]


def test_folders_that_are_divided_already(tmp_path):
    write(tmp_path / "photos" / "train")
    write(tmp_path / "photos" / "test", {"air/jet": 2}, start=5000)
    _, data = prepare(tmp_path)
    assert {s: len(rows) for s, rows in data.items()} == {"train": 31, "test": 2}
    assert {int(r["label"]) for r in data["test"]} == {LEAVES.index("jet")}
    assert data["test"][0]["file_name"].startswith(b"air/jet/")
    (tmp_path / "photos" / "test" / "sea" / "ship").mkdir(parents=True)
    (tmp_path / "photos" / "test" / "sea" / "ship" / "1.jpg").write_bytes(jpeg(0))
    with pytest.raises(ValueError, match=r"test/sea/ship/1\.jpg is in no class of the tree"):
        prepare(tmp_path, name="other")


@pytest.mark.parametrize("policy", ["refuse", "skip"])
def test_corrupt_image(tmp_path, policy):
    write(tmp_path / "photos")
    (tmp_path / "photos" / "land" / "car" / "0.JPG").write_bytes(CORRUPT)
    if policy == "refuse":
        with pytest.raises(ValueError, match=r"photos/land/car/0\.JPG .*not a readable image"):
            prepare(tmp_path)
    else:
        with pytest.warns(UserWarning, match=r"Skipped: .*photos/land/car/0\.JPG"):
            _, data = prepare(tmp_path, policy)
        assert sum(map(len, data.values())) == sum(CLASSES.values()) - 1


def test_missing_folder_and_missing_configuration(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"photos is no folder\. Put the images there"):
        prepare(tmp_path)
    with pytest.raises(ValueError, match="image_tree needs the folder of the images"):
        tfds.builder("image_tree", data_dir=tmp_path)
