"""TFDS builder of the drawn aircraft."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import tensorflow_datasets as tfds

from keras_haframe.data.drawn_aircraft import drawing, fleet
from keras_haframe.data.image_builder import ImageBuilder

DESCRIPTION = """
Drawings of aircraft seen from above: invented variants in families of invented
manufacturers, whose looks follow the class tree. Pose, livery, background and weather
are random and independent of the class. Made on the spot, nothing is downloaded.
"""


@dataclasses.dataclass(eq=False)
class DrawnAircraftConfig(tfds.core.BuilderConfig):
    """Size of the data set.

    Args:
        examples_per_class: Training pictures of every class; validation has 20
            percent as many and test 40 percent.
        size: Side of the pictures in pixels.

    Example:

    ```python
    config = DrawnAircraftConfig(name="large", examples_per_class=400)
    data = tfds.load("drawn_aircraft", builder_kwargs={"config": config})
    ```
    """

    examples_per_class: int = 100
    size: int = 64


class Builder(ImageBuilder):
    """TFDS builder of `drawn_aircraft`.

    Every example has `image` (uint8 `[64, 64, 3]`), `label` (the variant, a leaf of the class
    tree), `family`, `manufacturer` and `file_name`, where no file is: its split and number. Splits:
    train, validation, test.

    Example:

    ```python
    import keras_haframe.data.builders

    train, info = tfds.load("drawn_aircraft", split="train", with_info=True)
    tree = keras_haframe.data.class_tree(info)
    ```
    """

    VERSION = tfds.core.Version("1.1.0")
    RELEASE_NOTES = {"1.1.0": "Carries its class tree.", "1.0.0": "First version."}
    BUILDER_CONFIGS = [
        DrawnAircraftConfig(name="standard", description="100 training pictures per class."),
        DrawnAircraftConfig(
            name="tiny", description="5 training pictures per class.", examples_per_class=5
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        size = self.builder_config.size
        # dict.fromkeys: unique names, in the order of the tree.
        manufacturers, families, variants = (
            list(dict.fromkeys(names)) for names in zip(*fleet.lineage())
        )
        features = {
            "image": tfds.features.Image(shape=(size, size, 3), doc="RGB picture"),
            "label": tfds.features.ClassLabel(names=variants),
            "family": tfds.features.ClassLabel(names=families),
            "manufacturer": tfds.features.ClassLabel(names=manufacturers),
        }
        return self.image_info(DESCRIPTION, features)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager  # nothing to download
        self.describe(fleet.class_tree())
        return {split: self._generate_examples(split) for split in drawing.SPLITS}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict]]:
        lineage, config = fleet.lineage(), self.builder_config
        pictures = drawing.iterate(split, config.examples_per_class, config.size)
        for key, (picture, label) in enumerate(pictures):
            names = dict(zip(("manufacturer", "family", "label"), lineage[label]))
            yield key, {"image": picture, "file_name": f"{split}/{key}", **names}
