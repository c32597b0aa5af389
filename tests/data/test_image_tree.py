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
        assert counts == {label: int(share * n + 0.5) for label, n in sizes.items()}


def test_seed_decides_the_split(prepared):
    """The rule of `seeded_split`, with the label as a class's own stream."""
    _, data, _ = prepared
    files = [f"air/jet/{i}.{('JPG', 'png', 'bmp')[i % 3]}" for i in range(9)]
    parts = seeded_split(files, {"validation": 1, "test": 3, "train": -1}, 0, 0)
    found = [r["file_name"].decode() for r in data["test"] if r["label"] == 0]
    assert sorted(found) == parts["test"]


def test_folders_that_are_divided_already(tmp_path):
    write(tmp_path / "photos" / "train")
    write(tmp_path / "photos" / "test", {"air/jet": 2}, start=5000)
    _, data = prepare(tmp_path)
    assert {s: len(rows) for s, rows in data.items()} == {"train": 31, "test": 2}
    assert {int(r["label"]) for r in data["test"]} == {LEAVES.index("jet")}
    assert data["test"][0]["file_name"].startswith(b"test/air/jet/")
    (tmp_path / "photos" / "test" / "sea" / "ship").mkdir(parents=True)
    (tmp_path / "photos" / "test" / "sea" / "ship" / "1.jpg").write_bytes(jpeg(0))
    with pytest.raises(ValueError, match=r"test/sea/ship/1\.jpg is in no class of the tree"):
        prepare(tmp_path, name="other")


def test_val_is_validation(tmp_path):
    """It was dropped without a word."""
    write(tmp_path / "photos" / "train")
    write(tmp_path / "photos" / "val", {"air/jet": 2}, start=5000)
    with pytest.warns(UserWarning, match="3 of 4 classes have no image in the validation split"):
        _, data = prepare(tmp_path, test=0)
    assert {s: len(rows) for s, rows in data.items()} == {"train": 31, "validation": 2}


def test_linked_folders_keep_their_labels(tmp_path):
    """Dogs became cats: the tree had the linked folder, the list of files had not."""
    write(tmp_path / "store", {"cat": 3})
    write(tmp_path / "photos", {"dog": 3, "fox": 3}, start=1000)
    (tmp_path / "photos" / "cat").symlink_to(tmp_path / "store" / "cat")
    builder, data = prepare(tmp_path, validation=0, test=0)
    names = builder.info.features["label"].names
    assert names == ["cat", "dog", "fox"] and len(data["train"]) == 9
    for row in data["train"]:
        assert row["file_name"].decode().split("/")[0] == names[row["label"]]


def another_file(photos, config):
    (photos / "air" / "jet" / "more.png").write_bytes(encoded(pixels(0), "png"))


def another_size(photos, config):
    (photos / "air" / "jet" / "0.JPG").write_bytes(encoded(pixels(7, 90, 90)))


def another_class(photos, config):
    (photos / "air" / "jet").rename(photos / "air" / "plane")


CHANGES = {
    "files, splits": another_file,
    "files": another_size,
    "files, classes, splits": another_class,
    "splits": lambda photos, config: config.update(seed=1),
    "on_corrupt": lambda photos, config: config.update(on_corrupt="skip"),
}


@pytest.mark.parametrize("changed", CHANGES)
def test_a_changed_folder_is_not_the_old_data(tmp_path, changed):
    """A name was prepared once, whatever became of the folder."""
    write(tmp_path / "photos", {"air/jet": 4, "land/car": 4})
    prepare(tmp_path)
    prepare(tmp_path)  # nothing has changed
    config: dict = {}
    CHANGES[changed](tmp_path / "photos", config)
    with pytest.raises(ValueError, match=rf"when it was another \({changed} changed\).*Delete .*"):
        prepare(tmp_path, **config)
    assert prepare(tmp_path, name="new", **config)[1]


def test_prepared_data_needs_no_photographs(tmp_path):
    write(tmp_path / "photos", {"air/jet": 4, "land/car": 4})
    prepare(tmp_path)
    (tmp_path / "photos").rename(tmp_path / "moved")
    assert sum(len(rows) for rows in prepare(tmp_path)[1].values()) == 8
    prepare(tmp_path, path=tmp_path / "moved")  # the same files elsewhere


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
