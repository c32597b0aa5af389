"""TFDS builder of tieredImageNet-H."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping

import tensorflow_datasets as tfds

from keras_haframe.data.image_builder import ImageBuilder, manual_path, require
from keras_haframe.data.splits import read_splits, seeded_split, write_splits
from keras_haframe.data.tiered_imagenet_h import archives, tree
from keras_haframe.tree import ClassTree

TRAIN, VALIDATION = "ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"
TRAIN_PARTS = {"train": 700}
VALIDATION_PARTS = {"validation": 25, "test": 25}
SPLITS = "splits.csv"
SEED = 0

DESCRIPTION = """
608 classes of ImageNet (ILSVRC 2012) with a tree of WordNet hypernyms, 3 to 12 levels deep. Per
class 700 training images out of ImageNet's training images, and 25 validation and 25 test images
out of its validation images, drawn by a seeded rule and kept in splits.csv beside the data.
"""
CITATION = """
@inproceedings{bertinetto2020making,
  title = {Making Better Mistakes: Leveraging Class Hierarchies with Deep Networks},
  author = {Bertinetto, Luca and Mueller, Romain and Tertikas, Konstantinos and Samangooei, Sina
            and Lord, Nicholas A.},
  booktitle = {CVPR}, year = {2020}
}
"""


class Builder(ImageBuilder):
    """Serves `tfds.load("tiered_imagenet_h")`.

    Every example has `image` (uint8 RGB), `label` (WordNet id) and `file_name`. Splits: train
    (425,600 images), validation and test (15,200 each), chosen by `splits.seeded_split` with seed
    0; `splits.csv` in the folder of the prepared data says which. For another choice, such as a
    paper's own, put a file of that form, named `tiered_imagenet_h_splits.csv`, into `manual_dir`.

    ImageNet may not be passed on: register at image-net.org, and put its two archives into
    `manual_dir`. They are read as they are, not unpacked.
    """

    MANUAL_DOWNLOAD_INSTRUCTIONS = f"""
    Put two archives of ILSVRC 2012 from https://image-net.org/download-images (an account is
    needed) here: {TRAIN} (training images of task 1 and 2, 138 GB) and {VALIDATION} (validation
    images, 6.3 GB). Another folder: tfds.builder("tiered_imagenet_h").download_and_prepare(
    download_config=tfds.download.DownloadConfig(manual_dir="FOLDER")). Optional:
    tiered_imagenet_h_splits.csv with the columns split (train, validation, test) and file_name.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        return self.image_info(DESCRIPTION, citation=CITATION)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        folder = pathlib.Path(dl_manager.manual_dir)
        train, validation = (
            require(folder / name, "the archive of that name." + self.MANUAL_DOWNLOAD_INSTRUCTIONS)
            for name in (TRAIN, VALIDATION)
        )
        classes = tree.class_tree()
        self.describe(classes)
        of_training = archives.training_names(train, classes.leaves)
        of_validation = archives.validation_names(validation, validation_labels())
        stored = pathlib.Path(self.data_path) / SPLITS
        chosen = manual_path(dl_manager, "tiered_imagenet_h_splits.csv")
        if chosen is None:
            write_splits(stored, divided(of_training, of_validation, classes))
        else:
            stored.write_bytes(chosen.read_bytes())
        split_of = read_splits(stored)
        wordnet_id = {
            name: leaf
            for names in (of_training, of_validation)
            for leaf in classes.leaves
            for name in names.get(leaf, ())
        }
        unknown = sorted(set(split_of) - set(wordnet_id))
        if unknown:
            raise ValueError(f"{chosen} names {unknown[0]!r}, which is in neither archive.")
        return {
            split: self._generate_examples(
                train, validation, {n: wordnet_id[n] for n, s in split_of.items() if s == split}
            )
            for split in ("train", "validation", "test")
        }

    def _generate_examples(
        self, train: pathlib.Path, validation: pathlib.Path, label_of: dict[str, str]
    ) -> Iterator[tuple[str, dict]]:
        of_training: dict[str, set[str]] = {}
        of_validation = {}
        for name, wordnet_id in label_of.items():
            if name.startswith(wordnet_id):  # n01440764_10026.JPEG
                of_training.setdefault(wordnet_id, set()).add(name)
            else:
                of_validation[name] = wordnet_id
        if of_training:
            yield from self.examples(archives.training_files(train, of_training))
        if of_validation:
            yield from self.examples(archives.validation_files(validation, of_validation))


def validation_labels() -> list[str]:
    """WordNet id of ImageNet's 50,000 validation images by number, from the list TFDS ships."""
    path = tfds.core.tfds_path("datasets/imagenet2012/validation_labels.txt")
    return path.read_text().split()


def divided(
    of_training: Mapping[str, list[str]], of_validation: Mapping[str, list[str]], classes: ClassTree
) -> dict[str, list[str]]:
    """Return the seeded choice of files, every class on its own."""
    splits: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for label, leaf in enumerate(classes.leaves):
        for names, parts in ((of_training, TRAIN_PARTS), (of_validation, VALIDATION_PARTS)):
            sizes = {**parts, "unused": -1}
            for part, files in seeded_split(names.get(leaf, []), sizes, SEED, label).items():
                if part != "unused":
                    splits[part] += files
    return splits
