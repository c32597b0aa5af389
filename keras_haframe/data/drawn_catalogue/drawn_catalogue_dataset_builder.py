"""TFDS builder of the drawn catalogue."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import tensorflow_datasets as tfds

from keras_haframe.data.drawn_catalogue.catalogue import CONFIGS, Catalogue, class_tree
from keras_haframe.data.drawn_catalogue.drawing import SIDE
from keras_haframe.data.drawn_catalogue.pictures import CHUNK, SPLITS, Pictures
from keras_haframe.data.image_builder import ImageBuilder

DESCRIPTION = """
Small pictures of the goods of an invented catalogue, whose looks follow a tree of five to eight
levels. Made on the spot, nothing is downloaded; for work with very many classes.
"""


@dataclasses.dataclass(eq=False)
class DrawnCatalogueConfig(tfds.core.BuilderConfig):
    """Size of the data set.

    Args:
        size: A `Catalogue`.

    Example:

    ```python
    config = DrawnCatalogueConfig(name="small", size=Catalogue(1000, train=20))
    data = tfds.load("drawn_catalogue", builder_kwargs={"config": config})
    ```
    """

    size: Catalogue = CONFIGS["10k"]


class Builder(ImageBuilder):
    """TFDS builder of `drawn_catalogue`; configs `10k`, `100k` and `tiny` (64 classes).

    Every example has `image` (uint8 `[16, 16, 3]`), `label` (a leaf of the class tree) and
    `file_name`, where no file is: its split and number. Splits: train, validation, test. They are
    the pictures of `drawn_catalogue.load_arrays`.

    Example:

    ```python
    import keras_haframe.data.builders

    train, info = tfds.load("drawn_catalogue/tiny", split="train", with_info=True)
    tree = keras_haframe.data.class_tree(info)
    ```
    """

    BUILDER_CONFIGS = [
        DrawnCatalogueConfig(
            name=name, description=f"{CONFIGS[name].classes:,} classes.", size=CONFIGS[name]
        )
        for name in ("10k", "100k", "tiny")
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self.image_info(
            DESCRIPTION, {"image": tfds.features.Image(shape=(SIDE, SIDE, 3), doc="RGB picture")}
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager  # nothing to download
        self.describe(class_tree(self.builder_config.size))
        return {split: self._generate_examples(split) for split in SPLITS}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict]]:
        pictures = Pictures(split, self.builder_config.size)
        for start in range(0, len(pictures), CHUNK):
            part = slice(start, start + CHUNK)
            pairs = zip(pictures[part], pictures.labels[part].tolist())
            for key, (picture, label) in enumerate(pairs, start):
                yield key, {"image": picture, "label": label, "file_name": f"{split}/{key}"}
