"""TFDS builder of FGVC-Aircraft."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from keras_haframe.data.fgvc_aircraft.annotations import annotation_tree, read_annotations
from keras_haframe.data.image_builder import ImageBuilder, require, unpacked
from keras_haframe.data.images import cut_bottom

NAME, FOLDER = "fgvc-aircraft-2013b.tar.gz", "fgvc-aircraft-2013b"
URL = f"https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/archives/{NAME}"
BANNER = 20  # rows of pixels with the photographer's name, at the bottom of every image

DESCRIPTION = """
Photographs of aircraft: 100 variants in 70 families of 30 manufacturers, with the authors' lists
of 3,334 training, 3,333 validation and 3,333 test images. The banner of 20 pixels at the bottom of
every image is cut off.
"""
CITATION = """
@techreport{maji13fine-grained,
  title = {Fine-Grained Visual Classification of Aircraft},
  author = {S. Maji and J. Kannala and E. Rahtu and M. Blaschko and A. Vedaldi},
  year = {2013}, archivePrefix = {arXiv}, eprint = {1306.5151}
}
"""


class Builder(ImageBuilder):
    """Serves `tfds.load("fgvc_aircraft")`.

    Every example has `image` (uint8 RGB, without the banner; JPEG of quality 95), `label` (the
    variant), `family`, `manufacturer` and `file_name`. Splits: train, validation, test, as the
    authors list them. `keras_haframe.data.class_tree(info)` is the tree.

    The archive (2.75 GB) is downloaded without a checksum, as none is published; or put
    `fgvc-aircraft-2013b.tar.gz`, or what it unpacks to, into `manual_dir`.
    """

    MANUAL_DOWNLOAD_INSTRUCTIONS = f"""
    Optional: put {NAME} (from {URL}), or the folder {FOLDER} that it unpacks to, here. Otherwise
    it is downloaded.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        names = {
            "family": tfds.features.ClassLabel(),
            "manufacturer": tfds.features.ClassLabel(),
        }
        return self.image_info(
            DESCRIPTION,
            names,
            homepage="https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/",
            citation=CITATION,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        data = unpacked(dl_manager, NAME, FOLDER, URL) / "data"
        annotations = read_annotations(data)
        self.describe(annotation_tree(annotations))
        rows = [names for images in annotations.values() for names in images.values()]
        self.info.features["manufacturer"].names = sorted({names[0] for names in rows})
        self.info.features["family"].names = sorted({names[1] for names in rows})
        return {
            split: self._generate_examples(data / "images", images)
            for split, images in annotations.items()
        }

    def _generate_examples(self, folder: Any, images: Any) -> Iterator[tuple[str, dict]]:
        def files() -> Iterator[tuple[str, bytes, dict]]:
            for number, (manufacturer, family, variant) in images.items():
                path = require(folder / f"{number}.jpg", f"the file of that name in {NAME}.")
                features = {"label": variant, "family": family, "manufacturer": manufacturer}
                yield str(path), path.read_bytes(), features

        for path, example in self.examples(files(), lambda image: cut_bottom(image, BANNER)):
            name = path.rsplit("/", 1)[-1]
            yield name, {**example, "file_name": name}
