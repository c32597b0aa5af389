"""Folders of photographs as data sets: every row has its own label, in a known order."""

import itertools
import os
import sys

import keras
import numpy as np
import pytest
from PIL import Image

import keras_haframe as kh
from keras_haframe.data import Augmentation, Preprocessing, image_folder
from tests.data.archives import CORRUPT
from tests.data.test_images import KINDS

tf = pytest.importorskip("tensorflow")

CLASSES = {"land/car": 8, "land/truck": 7, "air/jet": 9, "air/light/glider": 4}
LEAVES = ["jet", "glider", "car", "truck"]
SUFFIXES = ("JPG", "png", "webp", "bmp", "gif", "TIFF")


def write(top, classes=CLASSES, suffixes=SUFFIXES):
    """One gray level per file, from which its class can be told: 50 * class + number."""
    for c, (folder, count) in enumerate(classes.items()):
        (top / folder).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            image = Image.fromarray(np.full((9, 12, 3), 50 * c + 2 * i, "uint8"))
            image.save(top / folder / f"{i}.{suffixes[i % len(suffixes)]}")
    return top


def rows(batches):
    images, labels = zip(*[(x.numpy(), y.numpy()) for x, y in batches])
    return np.concatenate(images), np.concatenate(labels)


def gray(images):
    """Gray level of every image, which is one all over."""
    assert np.ptp(images, axis=(1, 2, 3)).max() <= 2  # WebP is not exact
    return np.round(images.mean((1, 2, 3))).astype(int)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write(tmp_path_factory.mktemp("folder") / "photos")


@pytest.fixture
def data(photos):
    return image_folder(photos, (6, 8), 4, 0.25)


def test_every_row_has_the_label_of_its_file(photos, data):
    assert data.tree == kh.ClassTree.from_folders(photos) and data.class_names == LEAVES
    order = [list(CLASSES).index(next(f for f in CLASSES if f.endswith(n))) for n in LEAVES]
    for split in ("train", "validation"):
        images, labels = rows(data.in_order(split))
        assert images.shape[1:] == (6, 8, 3) and images.dtype == np.float32
        np.testing.assert_array_equal(labels, data.labels[split])
        for level, label, file in zip(gray(images), labels, data.files[split]):
            assert level // 50 == order[label] and data.tree.label_of_file(file) == label
            assert abs(level % 50 - 2 * int(os.path.basename(file)[0])) <= 1
    images, labels = rows(data.train)
    assert (gray(images) // 50 == np.array(order)[labels]).all()


def test_splits_have_their_share_of_every_class_and_all_files(photos, data):
    assert np.bincount(data.labels["validation"]).tolist() == [2, 1, 2, 2]
    every = [str(p) for p in photos.rglob("*.*")]
    assert sorted(itertools.chain(*data.files.values())) == sorted(every)
    assert data.test is None and data.files["test"] == []
    three = image_folder(photos, (6, 8), validation=0.25, test=0.5)
    assert np.bincount(three.labels["test"]).tolist() == [5, 2, 4, 4]
    again, other = (image_folder(photos, (6, 8), validation=0.25, seed=s) for s in (0, 1))
    assert again.files == data.files and other.files != data.files


def test_same_seed_same_batches_whatever_the_global_seed(photos, data):
    keras.utils.set_random_seed(1)
    epochs = [rows(data.train) for _ in range(3)]
    keras.utils.set_random_seed(2)
    again = image_folder(photos, (6, 8), 4, 0.25)
    for images, labels in epochs:
        repeated = rows(again.train)
        np.testing.assert_array_equal(repeated[0], images)
        np.testing.assert_array_equal(repeated[1], labels)
        assert len(set(gray(images))) == len(images) == 20  # 21 files, the rest of a batch left out
    assert not np.array_equal(epochs[0][1], epochs[1][1])
    other = rows(image_folder(photos, (6, 8), 4, 0.25, seed=1).train)
    assert not np.array_equal(gray(epochs[0][0])[:20], gray(other[0])[:20])


def test_a_run_taken_up_again_sees_the_same_epochs(data):
    steps = data.steps_per_epoch
    assert steps == len(data.train) == 5 and data.from_epoch(0).cardinality() < 0
    first = [y.numpy().tolist() for _, y in data.from_epoch(0).take(3 * steps)]
    assert [y.numpy().tolist() for _, y in data.from_epoch(2).take(steps)] == first[2 * steps :]
    part = data.from_epoch(1, step=3).take(2 * steps - 3)
    assert [y.numpy().tolist() for _, y in part] == first[steps + 3 :]
    assert [y.numpy().tolist() for _, y in data.train] == first[:steps]


def test_names_travel_with_the_data_sets(data):
    for dataset in (data.train, data.validation, data.from_epoch(0)):
        assert dataset.class_names == LEAVES and dataset.preprocessing is data.preprocessing
    assert data.validation.file_paths == data.files["validation"]
    assert data.validation is data.validation


@pytest.mark.slow
def test_trains_and_predicts(data):
    net = keras.Sequential([keras.Input((6, 8, 3)), keras.layers.Conv2D(4, 3)])
    model = kh.build(net, data.tree, "cross_entropy")
    model.fit(data.train, validation_data=data.validation, epochs=2, verbose=0)
    assert model.predict(data.validation, verbose=0).shape == (7, 4)


def test_fewer_images_than_a_batch(photos):
    data = image_folder(photos, (6, 8), 100, validation=0)
    images, labels = rows(data.train)
    assert len(set(gray(images))) == len(labels) == 28 and len(data.train) == 1
    assert data.validation is None


# What is printed and refused ---------------------------------------------------------------------


def test_summary(photos, data):
    text = str(data)
    assert text.startswith("photos: 28 images of 4 classes, tree of height 3\n")
    assert "train 21, validation 7, test 0" in text
    assert "smallest class: glider (4 images), largest: jet (9)" in text
    assert "6 x 8, stretch, bilinear, values 0 to 255; augmentation: none" in text
    assert repr(data) == text
    assert "\n  15 neither JPEG nor PNG by their ending: slower to read" in text


def test_classes_too_small_for_a_split_are_named(tmp_path):
    write(tmp_path, {"air/jet": 10, "air/kite": 1, "land/car": 2})
    message = r"2 of 3 classes have no image in the validation split: kite, car"
    with pytest.warns(UserWarning, match=message):
        data = image_folder(tmp_path, (6, 8), 4)
    assert np.bincount(data.labels["train"]).tolist() == [8, 1, 2]
    with pytest.warns(UserWarning, match="1 of 3 classes have no image in the validation split"):
        data = image_folder(tmp_path, (6, 8), 4, validation=0.9)
    assert np.bincount(data.labels["train"]).tolist() == [1, 1, 1]  # never none to train on


def test_folders_of_splits(tmp_path):
    write(tmp_path / "train")
    write(tmp_path / "Val", {"air/jet": 2})
    (tmp_path / "Val" / "land" / "car").mkdir(parents=True)  # emptied
    with pytest.warns(UserWarning, match="3 of 4 classes have no image in the validation split"):
        data = image_folder(tmp_path, (6, 8), 4, test=0.25)
    assert data.class_names == LEAVES
    assert data.labels["validation"].tolist() == [0, 0]
    assert len(data.labels["test"]) == 7 and len(data.labels["train"]) == 21
    assert set(gray(rows(data.validation)[0]) // 50) == {0}
    write(tmp_path / "Val", {"sea/ship": 1})
    with pytest.raises(ValueError, match=r"Val/sea/ship/0\.JPG is in no class of the tree"):
        image_folder(tmp_path, (6, 8))


def test_one_split_alone_may_have_other_labels(tmp_path):
    write(tmp_path / "train", {"car": 1, "jet": 1, "kite": 1})
    write(tmp_path / "val", {"jet": 1, "kite": 1})
    with pytest.warns(UserWarning, match=r"val lies beside .*train, whose classes need not be"):
        image_folder(tmp_path / "val", (6, 8), validation=0)
    tree = image_folder(tmp_path / "train", (6, 8), validation=0).tree
    with pytest.warns(UserWarning, match="1 of 3 classes have no image"):
        data = image_folder(tmp_path / "val", (6, 8), validation=0, tree=tree)
    assert data.labels["train"].tolist() == [1, 2]


def test_a_class_called_like_a_split(tmp_path):
    write(tmp_path, {"car": 2, "train": 2})
    with pytest.raises(ValueError, match="divided=False for classes"):
        image_folder(tmp_path, (6, 8))
    data = image_folder(tmp_path, (6, 8), validation=0, divided=False)
    assert data.class_names == ["car", "train"]


def test_flat_folders_with_a_tree_of_ones_own(tmp_path):
    write(tmp_path, {"car": 3, "jet": 3, "glider": 3})
    tree = kh.ClassTree.from_nested({"air": ["jet", "glider", "kite"], "land": ["car"]})
    with pytest.warns(UserWarning, match="1 of 4 classes have no image in the train split: kite"):
        data = image_folder(tmp_path, (6, 8), validation=0, tree=tree)
    assert data.tree is tree
    images, labels = rows(data.in_order("train"))
    assert (np.array([1, 2, 9, 0])[labels] == gray(images) // 50).all()
    write(tmp_path, {"ship": 1})
    with pytest.raises(ValueError, match=r"must name one class of the tree\. Received: ship/"):
        image_folder(tmp_path, (6, 8), tree=tree)
    (tmp_path / "ship").rename(tmp_path / "more")
    (tmp_path / "jet").rename(tmp_path / "more" / "jet")
    (tmp_path / "more" / "0.JPG").unlink()
    write(tmp_path, {"jet": 1})
    with pytest.raises(ValueError, match=r"\['jet', 'more/jet'\] are one class of `tree`, 'jet'"):
        image_folder(tmp_path, (6, 8), tree=tree)


def test_equal_names_under_different_parents(tmp_path):
    write(tmp_path, {"a/other": 2, "b/other": 2, "b/jet": 2})
    data = image_folder(tmp_path, (6, 8), validation=0)
    assert data.class_names == ["a/other", "jet", "b/other"]
    images, labels = rows(data.in_order("train"))
    assert (np.array([0, 2, 1])[labels] == gray(images) // 50).all()


def test_linked_folders_have_their_own_labels(tmp_path):
    write(tmp_path / "photos", {"dog": 2, "fox": 2})
    write(tmp_path / "store", {"empty": 0, "dog": 0, "cat": 2})
    os.symlink(tmp_path / "store" / "cat", tmp_path / "photos" / "cat")
    data = image_folder(tmp_path / "photos", (6, 8), validation=0)
    images, labels = rows(data.in_order("train"))
    assert data.class_names == ["cat", "dog", "fox"]
    assert (np.array([2, 0, 1])[labels] == gray(images) // 50).all()


def test_one_folder_in_two_classes_or_splits(tmp_path):
    write(tmp_path / "photos", {"dog": 2, "fox": 2})
    os.symlink(tmp_path / "photos" / "dog", tmp_path / "photos" / "hound")
    with pytest.raises(
        ValueError, match=r"photos/dog and .*photos/hound are one folder, by a link"
    ):
        image_folder(tmp_path / "photos", (6, 8))
    (tmp_path / "photos" / "hound").unlink()
    (tmp_path / "val").mkdir()
    (tmp_path / "photos").rename(tmp_path / "train")
    os.symlink(tmp_path / "train" / "dog", tmp_path / "val" / "dog")
    with pytest.raises(ValueError, match=r"train/dog and .*val/dog are one folder"):
        image_folder(tmp_path, (6, 8))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"image_size": None}, r"`image_size` must be \(height, width\)"),
        ({"image_size": 8}, r"`image_size` must be \(height, width\)"),
        ({"preprocessing": Preprocessing((9, 9))}, "the same if in both"),
        ({"preprocessing": lambda image: image}, r"must be a keras_haframe\.data\.Preprocessing"),
        ({"batch_size": 0}, "`batch_size` must be 1 or more"),
        ({"validation": 20}, "shares of validation and test must be 0 or more and leave some"),
        ({"validation": 0.6, "test": 0.4}, "leave some for training"),
        ({"on_corrupt": "maybe"}, r"`on_corrupt` must be one of"),
        ({"inner_images": "maybe"}, r"`inner_images` must be 'refuse' or 'skip'"),
    ],
)
def test_options_out_of_range(photos, options, match):
    with pytest.raises(ValueError, match=match):
        image_folder(photos, **{"image_size": (6, 8), **options})


def test_no_images_and_one_class(tmp_path):
    with pytest.raises(ValueError, match="holds no images"):
        image_folder(tmp_path, (6, 8))
    with pytest.raises(ValueError, match="`path` must be a folder"):
        image_folder(tmp_path / "nowhere", (6, 8))
    write(tmp_path, {"car": 2})
    with pytest.raises(ValueError, match="at least two classes"):
        image_folder(tmp_path, (6, 8))


def test_without_tensorflow(photos, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ModuleNotFoundError, match="use tf.data and need TensorFlow"):
        image_folder(photos, (6, 8))


# Files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [CORRUPT, b"", KINDS["baseline"][:-60], KINDS["png"][:-40]])
def test_a_damaged_file_is_named_when_it_is_read(tmp_path, content):
    write(tmp_path, {"car": 3, "jet": 3})
    (tmp_path / "jet" / "1.png").write_bytes(content)
    data = image_folder(tmp_path, (6, 8), validation=0)
    name = r"jet/1\.png \(\d+ bytes\) is not a readable image.*on_corrupt='skip'"
    with pytest.raises(tf.errors.InvalidArgumentError, match=name):
        rows(data.train)
    assert list(data.check(verbose=False)) == [str(tmp_path / "jet" / "1.png")]


def test_damaged_files_are_left_out_by_choice(tmp_path):
    write(tmp_path, {"car": 3, "jet": 3})
    (tmp_path / "jet" / "1.png").write_bytes(CORRUPT)
    with pytest.warns(UserWarning, match=r"left out 1 images .*jet/1\.png first: .*Invalid JPEG"):
        data = image_folder(tmp_path, (6, 8), validation=0, on_corrupt="skip")
    assert data.labels["train"].tolist() == [0, 0, 0, 1, 1] and len(rows(data.train)[0]) == 5
    assert data.check(verbose=False) == {} and "left out: 1 (`skipped`)" in str(data)
    for file in (tmp_path / "jet").iterdir():
        file.write_bytes(CORRUPT)
    with pytest.warns(UserWarning, match="1 of 2 classes have no image in the train split: jet"):
        image_folder(tmp_path, (6, 8), validation=0, on_corrupt="skip")


def test_a_file_that_is_gone(tmp_path):
    write(tmp_path, {"car": 2, "jet": 2})
    data = image_folder(tmp_path, (6, 8), validation=0)
    (tmp_path / "car" / "1.png").unlink()
    with pytest.raises(tf.errors.OpError, match=r"car/1\.png"):
        rows(data.train)
    assert list(data.check(verbose=False)) == [str(tmp_path / "car" / "1.png")]


def test_rows_are_what_the_served_model_makes_of_the_bytes(tmp_path):
    """Gray, CMYK, palette, alpha, 16 bits, EXIF; JPEG and PNG, the other kinds are not served."""
    from keras_haframe.saving.decoding import decode_batch

    (tmp_path / "a").mkdir()
    for i, content in enumerate(KINDS.values()):
        (tmp_path / "a" / f"{i:02}.jpg").write_bytes(content)  # PNG, too: the ending is no proof
    write(tmp_path, {"b": 1})
    how = Preprocessing((13, 9), "crop", 0.9, antialias=True, input_range=(-1, 1))
    data = image_folder(tmp_path, preprocessing=how, validation=0)
    assert data.preprocessing is how
    found = rows(data.in_order("train"))[0][: len(KINDS)]
    served, ok, _ = decode_batch(tf.constant(list(KINDS.values())), how, (13, 9, 3))
    assert ok.numpy().all()
    np.testing.assert_array_equal(found, served)


def test_augmentation_is_for_training_only(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), "uint8")
        for i in range(4):
            Image.fromarray(noise).save(tmp_path / name / f"{i}.png")
    how = Preprocessing((8, 8), augmentation=Augmentation("pad_and_crop", padding=3))
    data = image_folder(tmp_path, preprocessing=how, batch_size=2, validation=0.5)
    plain = rows(data.validation)[0]
    np.testing.assert_array_equal(plain, np.broadcast_to(noise, plain.shape))
    first, second = rows(data.train)[0], rows(data.train)[0]
    assert len(np.unique(np.concatenate([first, second]), axis=0)) >= 6
    np.testing.assert_array_equal(rows(data.from_epoch(1).take(2))[0], second)


def test_names_of_any_bytes(tmp_path):
    write(tmp_path, {"car": 1, "jet": 1})
    os.rename(tmp_path / "car" / "0.JPG", os.fsencode(tmp_path / "car") + b"/\xff \xc3\xa9.JPG")
    data = image_folder(tmp_path, (6, 8), validation=0)
    assert len(rows(data.train)[1]) == 2 and data.check(verbose=False) == {}
