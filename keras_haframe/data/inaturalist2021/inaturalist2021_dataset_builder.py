"""TFDS builder of iNaturalist 2021."""

from __future__ import annotations

import dataclasses

import tensorflow_datasets as tfds

from keras_haframe.data.inaturalist_builder import INaturalistBuilder, by_class
from keras_haframe.data.splits import seeded_split
from keras_haframe.tree import ClassTree

BASE = "https://ml-inat-competition-datasets.s3.amazonaws.com/2021"
TEST = "val"
VALIDATION, SEED = 5, 0

DESCRIPTION = """
Photographs of 10,000 species with their seven ranks. The competition's test labels are not public,
so its validation images, 10 of every species, are the test split here, and 5 training images of
every species, drawn by a seeded rule and kept in splits.csv beside the data, the validation split.
"""
CITATION = """
@misc{inaturalist2021,
  title = {iNaturalist 2021 competition}, howpublished = {FGVC8 workshop at CVPR 2021},
  url = {https://github.com/visipedia/inat_comp/tree/master/2021}
}
"""


@dataclasses.dataclass(eq=False)
class INaturalist2021Config(tfds.core.BuilderConfig):
    """Which training images.

    Args:
        images: Name of their archive and annotations: `"train_mini"` or `"train"`.
    """

    images: str = "train_mini"


class Builder(INaturalistBuilder):
    """Serves `tfds.load("inaturalist2021/mini")` and `"inaturalist2021/full"`.

    `mini` has 50 training images of every species (42 GB), `full` all 2,686,843 (224 GB). Every
    example has `image` (uint8 RGB), `label` (the species, in the order of the category numbers) and
    `file_name`. Splits: `test`, the competition's validation images (8.4 GB); `validation`, 5
    training images of every species, chosen by `splits.seeded_split` with seed 0, and `train`, the
    others. `splits.csv` in the folder of the prepared data says which; for another division put a
    file of that form, named `inaturalist2021_splits.csv`, into `manual_dir`.

    The archives are downloaded, or put them into `manual_dir`. They are read as they are, not
    unpacked. (TFDS's own `i_naturalist2021` has the names of the species and no ranks.)
    """

    BASE = BASE
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"""
    Optional: put train_mini.tar.gz and train_mini.json.tar.gz (of "full": train.tar.gz and
    train.json.tar.gz), val.tar.gz and val.json.tar.gz (from {BASE}) here; what is not there is
    downloaded. Optional: inaturalist2021_splits.csv with the columns split (train, validation,
    test) and file_name.
    """
    BUILDER_CONFIGS = [
        INaturalist2021Config(name="mini", description="50 training images of every species."),
        INaturalist2021Config(
            name="full", description="All 2,686,843 training images.", images="train"
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self.image_info(
            DESCRIPTION,
            homepage="https://github.com/visipedia/inat_comp/tree/master/2021",
            citation=CITATION,
        )

    def archives(self) -> dict[str, tuple[str, ...]]:
        parts = self.builder_config.images, TEST
        return {f"{part}.tar.gz": (f"{part}.json.tar.gz",) for part in parts}

    def category_file(self) -> str:
        return f"{self.builder_config.images}.json.tar.gz"

    def divided(self, labels: list[dict[str, str]], tree: ClassTree) -> dict[str, list[str]]:
        training, test = labels
        splits: dict[str, list[str]] = {"train": [], "validation": [], "test": sorted(test)}
        for label, files in enumerate(by_class(training, tree)):
            sizes = {"validation": VALIDATION, "train": -1}
            for part, names in seeded_split(files, sizes, SEED, label).items():
                splits[part] += names
        return splits
