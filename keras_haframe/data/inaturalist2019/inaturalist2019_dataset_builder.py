"""TFDS builder of iNaturalist 2019."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from keras_haframe.data.image_builder import ImageBuilder, manual_path
from keras_haframe.data.inaturalist2019.categories import (
    category_tree,
    labeled_images,
    read_json,
)
from keras_haframe.data.splits import read_splits, seeded_split, write_splits
from keras_haframe.tree import ClassTree

BASE = "https://ml-inat-competition-datasets.s3.amazonaws.com/2019"
IMAGES = "train_val2019.tar.gz"
FILES = (IMAGES, "train2019.json.tar.gz", "val2019.json.tar.gz", "categories.json.tar.gz")
SPLITS = "splits.csv"
PARTS = {"validation": 0.15, "test": 0.15, "train": -1}
SEED = 0

DESCRIPTION = """
Photographs of 1,010 species in 72 genera. The competition's test labels are not public, so the
268,243 training and validation images are divided anew, as in Making Better Mistakes: about 70, 15
and 15 percent of every species, drawn by a seeded rule and kept in splits.csv beside the data.
"""
CITATION = """
@misc{inaturalist2019,
  title = {iNaturalist 2019 competition}, howpublished = {FGVC6 workshop at CVPR 2019},
  url = {https://github.com/visipedia/inat_comp/tree/master/2019}
}
"""


class Builder(ImageBuilder):
    """Serves `tfds.load("inaturalist2019")`.

    Every example has `image` (uint8 RGB), `label` (the species, in the order of the category
    numbers) and `file_name`. Splits: train, validation and test, divided per species by
    `splits.seeded_split` with seed 0; `splits.csv` in the folder of the prepared data says which
    image went where. For another division, such as a paper's own, put a file of that form, named
    `inaturalist2019_splits.csv`, into `manual_dir`: images that it does not name are left out.

    The archives (74 GB; no SHA-256 is published) are downloaded, or put them into `manual_dir`.
    The images are read out of the archive, which is not unpacked.
    """

    MANUAL_DOWNLOAD_INSTRUCTIONS = f"""
    Optional: put {", ".join(FILES)} (from {BASE}) here; what is not there is downloaded. Optional:
    inaturalist2019_splits.csv with the columns split (train, validation, test) and file_name.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        return self.image_info(
            DESCRIPTION,
            homepage="https://github.com/visipedia/inat_comp/tree/master/2019",
            citation=CITATION,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        there = {name: manual_path(dl_manager, name) for name in FILES}
        missing = {name: f"{BASE}/{name}" for name, path in there.items() if path is None}
        paths = {**there, **(dl_manager.download(missing) if missing else {})}
        images, train, validation, categories = (pathlib.Path(paths[name]) for name in FILES)
        tree, names = category_tree(read_json(categories))
        self.describe(tree)
        numbers = {**labeled_images(read_json(train)), **labeled_images(read_json(validation))}
        labels = {file: names[number] for file, number in numbers.items()}
        chosen = manual_path(dl_manager, "inaturalist2019_splits.csv")
        stored = pathlib.Path(self.data_path) / SPLITS
        if chosen is None:
            write_splits(stored, divided(labels, tree))
        else:
            shutil.copyfile(chosen, stored)
        split_of = read_splits(stored)
        unknown = sorted(set(split_of) - set(labels))
        if unknown:
            raise ValueError(f"{chosen} names {unknown[0]!r}, which is in no annotation file.")
        return {
            split: self._generate_examples(
                dl_manager.iter_archive(images),
                {file: labels[file] for file, s in split_of.items() if s == split},
            )
            for split in ("train", "validation", "test")
        }

    def _generate_examples(self, archive: Any, labels: Any) -> Iterator[tuple[str, dict]]:
        left = set(labels)

        def files() -> Iterator[tuple[str, bytes, dict]]:
            for name, file in archive:
                if name in left:
                    left.discard(name)
                    yield name, file.read(), {"label": labels[name]}

        yield from self.examples(files())
        if left:
            raise ValueError(
                f"{IMAGES} lacks {len(left)} images of the annotations, {min(left)} for example. "
                "Fetch the archive again."
            )


def divided(labels: dict[str, str], tree: ClassTree) -> dict[str, list[str]]:
    """Return the seeded split of files to class names, every class on its own."""
    by_class: dict[str, list[str]] = {name: [] for name in tree.leaves}
    for file, name in labels.items():
        by_class[name].append(file)
    splits: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for label, name in enumerate(tree.leaves):
        for part, files in seeded_split(by_class[name], PARTS, SEED, label).items():
            splits[part] += files
    return splits
