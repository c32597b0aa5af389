"""TFDS builder of iNaturalist 2019."""

from __future__ import annotations

import tensorflow_datasets as tfds

from keras_haframe.data.inaturalist_builder import INaturalistBuilder, by_class
from keras_haframe.data.splits import seeded_split
from keras_haframe.tree import ClassTree

BASE = "https://ml-inat-competition-datasets.s3.amazonaws.com/2019"
IMAGES, RANKS = "train_val2019.tar.gz", "categories.json.tar.gz"
ANNOTATIONS = ("train2019.json.tar.gz", "val2019.json.tar.gz")
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


class Builder(INaturalistBuilder):
    """Serves `tfds.load("inaturalist2019")`.

    Every example has `image` (uint8 RGB), `label` (the species, in the order of the category
    numbers) and `file_name`. Splits: train, validation and test, divided per species by
    `splits.seeded_split` with seed 0; `splits.csv` in the folder of the prepared data says which
    image went where. For another division, such as a paper's own, put a file of that form, named
    `inaturalist2019_splits.csv`, into `manual_dir`: images that it does not name are left out.

    The archives (74 GB; no SHA-256 is published) are downloaded, or put them into `manual_dir`.
    The images are read out of the archive, which is not unpacked.
    """

    BASE = BASE
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"""
    Optional: put {", ".join((IMAGES, *ANNOTATIONS, RANKS))} (from {BASE}) here;
    what is not there is downloaded. Optional: inaturalist2019_splits.csv with the columns split
    (train, validation, test) and file_name.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        return self.image_info(
            DESCRIPTION,
            homepage="https://github.com/visipedia/inat_comp/tree/master/2019",
            citation=CITATION,
        )

    def archives(self) -> dict[str, tuple[str, ...]]:
        return {IMAGES: ANNOTATIONS}

    def category_file(self) -> str:
        return RANKS

    def divided(self, labels: list[dict[str, str]], tree: ClassTree) -> dict[str, list[str]]:
        splits: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
        for label, files in enumerate(by_class(labels[0], tree)):
            for part, names in seeded_split(files, PARTS, SEED, label).items():
                splits[part] += names
        return splits
