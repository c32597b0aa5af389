"""TFDS builder of the drawn aircraft."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import tensorflow_datasets as tfds

from keras_haframe.data.drawn_aircraft import fleet, splits
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
    """Serves `tfds.load("drawn_aircraft")`.

    Every example has `image` (uint8 `[64, 64, 3]`), `label` (the variant, a leaf of
    the class tree), `family` and `manufacturer`. Splits: train, validation, test.

    Example:

    ```python
    import keras_haframe.data.builders

    train, info = tfds.load("drawn_aircraft", split="train", with_info=True)
    info.features["label"].names[0]  # 'Meridax 100'
    ```
    """

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
        return tfds.core.DatasetInfo(
            builder=self,
            description=DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager  # nothing to download
        self.describe(fleet.class_tree())
        return {split: self._generate_examples(split) for split in splits.SPLITS}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict]]:
        lineage = fleet.lineage()
        config = self.builder_config
        pictures = splits.iterate(split, config.examples_per_class, config.size)
        for key, (picture, label) in enumerate(pictures):
            manufacturer, family, variant = lineage[label]
            yield (
                key,
                {
                    "image": picture,
                    "label": variant,
                    "family": family,
                    "manufacturer": manufacturer,
                },
            )
