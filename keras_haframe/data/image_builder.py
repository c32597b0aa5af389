"""What the TFDS builders of image data sets share."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import tensorflow_datasets as tfds

from keras_haframe.data.images import check_policy, checked_image
from keras_haframe.tree import ClassTree


class ImageBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """TFDS builder of images with a class tree.

    A subclass calls `describe(tree)` before it yields examples by `examples(files)`. The tree is
    stored with the prepared data: `keras_haframe.data.class_tree(info)` returns it.

    Args:
        on_corrupt: What to do with a file that is no image or cut short: `"refuse"` stops and names
            it, `"skip"` warns and leaves it out. Only while preparing; prepared data is sound.
        **kwargs: As of `tfds.core.DatasetBuilder`.

    Example:

    ```python
    import keras_haframe.data.builders
    train, info = tfds.load(
        "fgvc_aircraft", split="train", with_info=True, builder_kwargs={"on_corrupt": "skip"}
    )
    tree = keras_haframe.data.class_tree(info)
    ```
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}

    def __init__(self, *, on_corrupt: str = "refuse", **kwargs: Any) -> None:
        self.on_corrupt = check_policy(on_corrupt)
        super().__init__(**kwargs)

    def image_info(
        self, description: str, features: dict | None = None, **kwargs: Any
    ) -> tfds.core.DatasetInfo:
        """Information with the features `image` (RGB), `label`, `file_name` and further ones.

        Args:
            description: What the data set is.
            features: Further features by name, or other ones for these three.
            **kwargs: As of `tfds.core.DatasetInfo`.
        """
        return tfds.core.DatasetInfo(
            builder=self,
            description=description,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(None, None, 3)),
                    "label": tfds.features.ClassLabel(),
                    "file_name": tfds.features.Text(),
                    **(features or {}),
                }
            ),
            supervised_keys=("image", "label"),
            metadata=tfds.core.MetadataDict(),
            **kwargs,
        )

    def describe(self, tree: ClassTree) -> None:
        """Store the class tree; its leaves become the names of the labels."""
        self.info.features["label"].names = list(tree.leaves)
        self.info.metadata["class_tree"] = tree.get_config()

    def examples(
        self,
        files: Iterable[tuple[str, bytes, dict]],
        change: Callable[[bytes], bytes] | None = None,
    ) -> Iterator[tuple[str, dict]]:
        """Turn `(file name, content, further features)` into TFDS's examples.

        Args:
            files: The files of a split; file names are the keys.
            change: Function of the checked content to the content to store.
        """
        for name, content, features in files:
            image = checked_image(content, name, self.on_corrupt)
            if image is not None:
                image = image if change is None else change(image)
                yield name, {"image": image, "file_name": name, **features}


def manual_path(dl_manager: tfds.download.DownloadManager, name: str) -> pathlib.Path | None:
    """Path of a file or folder that the user put into `manual_dir`, or `None`."""
    try:
        path = pathlib.Path(dl_manager.manual_dir) / name
    except AssertionError:  # TFDS: no such folder, or an empty one
        return None
    return path if path.exists() else None


def unpacked(
    dl_manager: tfds.download.DownloadManager, name: str, folder: str, url: str
) -> pathlib.Path:
    """Unpacked archive: the folder or archive in `manual_dir` if there, else downloaded.

    Args:
        dl_manager: TFDS's download manager.
        name: File name of the archive.
        folder: Folder that the archive unpacks to.
        url: Where the archive is.
    """
    for there in (manual_path(dl_manager, folder), manual_path(dl_manager, name)):
        if there is not None:
            return there if there.is_dir() else pathlib.Path(dl_manager.extract(there)) / folder
    return pathlib.Path(dl_manager.download_and_extract(url)) / folder


def require(path: pathlib.Path, what: str) -> pathlib.Path:
    """Return `path`, or say exactly which file is missing and where it comes from."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing. Put there {what}")
    return path
