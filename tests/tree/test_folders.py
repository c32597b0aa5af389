"""Folders of images: one walk for the tree and its files, and what it says of what it finds."""

import os

import pytest

import keras_haframe as kh
from keras_haframe.tree.folders import scan
from keras_haframe.tree.split_folders import split_folders


def make_images(top, *names):
    for name in names:
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders(tmp_path):
    top = tmp_path / "photos"
    make_images(top, "land/truck/1.png", "land/car/1.jpg", "land/car/2.JPEG", "air/jet/x.webp")
    made = kh.ClassTree.from_folders(top)
    assert made.leaves == ["jet", "car", "truck"]  # sorted by path
    assert made.path("car") == ["root", "land", "car"] and made.name == "photos"
    assert kh.ClassTree.from_folders(str(top), root="vehicle", name="n").root == "vehicle"


def test_folders_of_equal_names(tmp_path):
    make_images(tmp_path, "a/other/1.jpg", "b/other/1.jpg", "b/jet/1.jpg")
    assert kh.ClassTree.from_folders(tmp_path).leaves == ["a/other", "jet", "b/other"]


def test_one_folder_at_the_top_is_the_root(tmp_path):
    make_images(tmp_path, "vehicle/jet/1.jpg", "vehicle/car/1.jpg")
    made = kh.ClassTree.from_folders(tmp_path)
    assert made.root == "vehicle" and made.height == 1


def test_hidden_folders_and_other_files_are_ignored(tmp_path):
    make_images(tmp_path, "car/1.jpg", "jet/1.jpg", ".cache/x/1.jpg", "car/.thumb/1.jpg")
    make_images(tmp_path, "README.md", "car/notes.txt", ".DS_Store")
    assert kh.ClassTree.from_folders(tmp_path).leaves == ["car", "jet"]


def test_a_folder_may_be_called_like_an_image(tmp_path):
    make_images(tmp_path, "air/a.jpg/1.jpg", "air/b.jpg/1.jpg")
    assert kh.ClassTree.from_folders(tmp_path).leaves == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("names", "match"),
    [
        (["land/car/1.jpg", "land/2.jpg", "jet/1.jpg"], r"land holds both images \(2.jpg\)"),
        (["car/1.jpg", "jet/notes.txt"], "jet holds no images"),
        (["1.jpg"], "holds images but no class folders"),
        (["car/1.jpg"], "at least two classes"),
        ([".hidden/1.jpg"], "holds no images"),
    ],
)
def test_refused_folders(tmp_path, names, match):
    make_images(tmp_path, *names)
    with pytest.raises(ValueError, match=match):
        kh.ClassTree.from_folders(tmp_path)


def test_folder_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"`path` must be a folder. Received: .*nowhere"):
        kh.ClassTree.from_folders(tmp_path / "nowhere")


def test_one_walk_gives_classes_and_files(tmp_path):
    make_images(tmp_path, "land/car/b.JPG", "land/car/a.webp", "land/car/._a.webp", "air/jet/1.TIF")
    make_images(tmp_path, "air/jet/Thumbs.db", "air/jet/.1.jpg", "notes.txt", "__MACOSX/land/1.jpg")
    found = scan(tmp_path)
    assert found.files == {
        ("air", "jet"): ["air/jet/1.TIF"], ("land", "car"): ["land/car/a.webp", "land/car/b.JPG"],
    }  # fmt: skip
    assert found.left_out == {".db": 1, ".txt": 1}
    assert [p[-1] for p in found.files] == kh.ClassTree.from_folders(tmp_path).leaves


def test_links_to_folders_and_files_are_followed(tmp_path):
    make_images(tmp_path, "store/cats/1.jpg", "store/2.jpg", "photos/dog/1.jpg", "photos/fox/1.jpg")
    os.symlink(tmp_path / "store" / "cats", tmp_path / "photos" / "cat")
    os.symlink(tmp_path / "store" / "2.jpg", tmp_path / "photos" / "fox" / "2.jpg")
    found = scan(tmp_path / "photos")
    assert list(found.files) == [("cat",), ("dog",), ("fox",)]
    assert found.files[("cat",)] == ["cat/1.jpg"]
    assert found.files[("fox",)] == ["fox/1.jpg", "fox/2.jpg"]


def test_a_link_in_a_circle_and_a_link_to_nothing(tmp_path):
    make_images(tmp_path, "a/cat/1.jpg", "a/dog/1.jpg")
    os.symlink(tmp_path / "nowhere.jpg", tmp_path / "a" / "cat" / "2.jpg")
    with pytest.warns(UserWarning, match=r"left out 1 .*links to nothing, .*cat/2\.jpg first"):
        assert scan(tmp_path).files[("a", "cat")] == ["a/cat/1.jpg"]
    os.symlink(tmp_path / "a", tmp_path / "a" / "again")
    with pytest.raises(ValueError, match="again is a link to a folder that it lies in"):
        scan(tmp_path)


def test_kinds_that_are_not_read_are_named(tmp_path):
    make_images(tmp_path, "cat/1.jpg", "cat/2.HEIC", "cat/3.heic", "dog/1.jpg", "dog/1.txt")
    with pytest.warns(UserWarning, match=r"kinds that are not read: .*2 \.heic.* Convert them"):
        scan(tmp_path)
    make_images(tmp_path, "fox/1.heic")
    with pytest.raises(ValueError, match=r"fox holds no images .*Other files so far: 3 \.heic"):
        scan(tmp_path)


def test_images_in_inner_folders_and_empty_folders_by_choice(tmp_path):
    make_images(tmp_path, "land/car/1.jpg", "land/2.jpg", "jet/1.jpg", "0.png")
    (tmp_path / "empty").mkdir()
    with pytest.warns(UserWarning, match="left out 2 images in folders that have folders, 0.png"):
        found = scan(tmp_path, empty="skip", inner_images="skip")
    assert list(found.files) == [("jet",), ("land", "car")]
    with pytest.raises(ValueError, match="`empty` must be 'refuse' or 'skip'"):
        scan(tmp_path, empty="maybe")


# Splits ------------------------------------------------------------------------------------------


def test_folders_of_splits_are_no_classes(tmp_path):
    make_images(tmp_path, "train/a/car/1.jpg", "train/a/jet/1.jpg", "Val/a/car/1.jpg")
    assert split_folders(tmp_path) == {
        "train": tmp_path / "train", "validation": tmp_path / "Val",
    }  # fmt: skip
    made = kh.ClassTree.from_folders(tmp_path)
    assert made.leaves == ["car", "jet"] and made.name == tmp_path.name
    (tmp_path / "test").mkdir()
    assert list(split_folders(tmp_path)) == ["train", "validation", "test"]


def test_a_class_called_train_beside_others_is_asked_for(tmp_path):
    make_images(tmp_path, "car/1.jpg", "jet/1.jpg", "train/1.jpg")
    with pytest.raises(ValueError, match=r"\['train'\], beside \['car', 'jet'\]\. Say what they"):
        kh.ClassTree.from_folders(tmp_path)
    made = kh.ClassTree.from_folders(tmp_path, divided=False)
    assert made.leaves == ["car", "jet", "train"]
    with pytest.warns(UserWarning, match=r"left out the folders \['car', 'jet'\]"):
        assert list(split_folders(tmp_path, True)) == ["train"]


def test_splits_without_train_or_twice(tmp_path):
    make_images(tmp_path, "val/car/1.jpg", "test/car/1.jpg")
    with pytest.raises(ValueError, match=r"\['test', 'val'\], but none called 'train'"):
        split_folders(tmp_path)
    make_images(tmp_path, "train/car/1.jpg", "valid/car/1.jpg")
    with pytest.raises(ValueError, match="two folders for one split"):
        split_folders(tmp_path)


# Labels of files ---------------------------------------------------------------------------------


def test_label_of_every_file(tmp_path):
    make_images(tmp_path, "a/other/1.jpg", "b/other/1.jpg", "b/jet/1.jpg", "other/1.jpg")
    tree = kh.ClassTree.from_folders(tmp_path)
    for label, files in enumerate(scan(tmp_path).files.values()):
        for file in files:
            assert tree.label_of_file(tmp_path / file) == label
            assert tree.label_of_file(file) == label
    assert tree.label_of_file(f"elsewhere/train/{file}") == tree.num_classes - 1


def test_label_of_a_file_in_flat_folders():
    tree = kh.ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet"]})
    assert tree.label_of_file("photos/jet/1.jpg") == 2
    with pytest.raises(ValueError, match=r"must name one class.*photos/ship/1\.jpg, no class"):
        tree.label_of_file("photos/ship/1.jpg")
    twice = kh.ClassTree.from_paths(["land/other", "air/other"])
    with pytest.raises(ValueError, match=r"any of \['land/other', 'air/other'\]"):
        twice.label_of_file("photos/other/1.jpg")
