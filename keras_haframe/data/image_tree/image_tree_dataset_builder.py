"""TFDS builder for a folder of one's own images."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from keras_haframe.data.image_builder import ImageBuilder
from keras_haframe.data.labeled_files import Files, LabeledFiles, files_of_folders


@dataclasses.dataclass(eq=False)
class ImageTreeConfig(tfds.core.BuilderConfig):
    """Which folder, and how to divide it.

    Args:
        name: Name of the data set; each name is prepared once, and refused when the folder or the
            options have changed since.
        path: The folder. Its folders are the class tree, as `ClassTree.from_folders` reads it: the
            folders that hold images are the classes. If they are `train`, `validation` (or `val`)
            and `test` (those that there are), these hold a tree each: the one of `train`, where the
            others may lack classes.
        validation, test: Shares of every class, to the nearest image, where the folder is not
            divided.
        seed: Seed of that division.
        divided: Whether the folders at the top are splits; `None` to see by their names.

    Example:

    ```python
    config = ImageTreeConfig(name="birds", path="photos/birds")
    train, info = tfds.load(
        "image_tree", split="train", with_info=True, builder_kwargs={"config": config}
    )
    tree = keras_haframe.data.class_tree(info)
    ```
    """

    path: str | os.PathLike = ""
    validation: float = 0.15
    test: float = 0.15
    seed: int = 0
    divided: bool | None = None

    def files(self) -> LabeledFiles:
        """Walk the folder."""
        top = pathlib.Path(self.path)
        if not top.is_dir():
            raise FileNotFoundError(f"{top} is no folder. Put the images there, a folder a class.")
        found = files_of_folders(top, divided=self.divided, name=self.name)
        shares = {"validation": float(self.validation), "test": float(self.test)}
        return found.divide({} if found.divided else shares, self.seed)


class Builder(ImageBuilder):
    """Serves `tfds.load("image_tree", builder_kwargs={"config": ImageTreeConfig(...)})`.

    Every example has `image` (uint8 RGB), `label` and `file_name` (the path below the folder).

    Raises:
        ValueError: If the data set is prepared already, from other files or with other options.
    """

    VERSION = tfds.core.Version("1.1.0")
    RELEASE_NOTES = {"1.1.0": "Knows the files it was prepared from; shares to the nearest image."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        stored = (self.info.metadata or {}).get("made_of")
        # Where the photographs are gone, or never were, the prepared data stands for itself.
        if stored and pathlib.Path(self.builder_config.path).is_dir():
            now = self._made_of(self.builder_config.files())
            changed = [key for key in now if now[key] != stored.get(key)]
            if changed:
                raise ValueError(
                    f"image_tree {self.builder_config.name!r} was prepared from "
                    f"{self.builder_config.path} when it was another ({', '.join(changed)} "
                    f"changed). Delete {self.data_dir}, or give the data set another name."
                )

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        if not isinstance(config, ImageTreeConfig) or not os.fspath(config.path):
            raise ValueError(
                "image_tree needs the folder of the images: builder_kwargs={'config': "
                "ImageTreeConfig(name='birds', path='photos/birds')}, with ImageTreeConfig from "
                "keras_haframe.data.builders."
            )
        return self.image_info(f"Images in {config.path}, with their folders as the class tree.")

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager  # nothing to download
        found = self.builder_config.files()
        found.warn_of_missing(str(self.builder_config.path))
        self.describe(found.tree)
        self.info.metadata["made_of"] = self._made_of(found)
        return {
            split: self._generate_examples(files, found.tree.leaves)
            for split, files in found.parts.items()
            if files
        }

    def _generate_examples(self, files: Files, names: list[str]) -> Iterator[tuple[str, dict]]:
        def contents() -> Iterator[tuple[str, bytes, dict]]:
            for file, label in files:
                yield file, pathlib.Path(file).read_bytes(), {"label": names[label]}

        top = pathlib.Path(self.builder_config.path)
        for path, example in self.examples(contents()):
            name = pathlib.Path(path).relative_to(top).as_posix()
            yield name, {**example, "file_name": name}

    def _made_of(self, found: LabeledFiles) -> dict[str, str]:
        """Digests of all that decides what is prepared: files, classes, splits, policy."""
        top, lines = pathlib.Path(self.builder_config.path), []
        for split, files in found.parts.items():
            for file, label in files:
                name = pathlib.Path(file).relative_to(top).as_posix()
                lines.append((split, name, os.path.getsize(file), label))
        return {
            "files": _digest(sorted((name, size) for _, name, size, _ in lines)),
            "classes": _digest(found.tree.edges),
            "splits": _digest(sorted((name, split) for split, name, _, _ in lines)),
            "on_corrupt": self.on_corrupt,
        }


def _digest(content: Any) -> str:
    text = json.dumps(content).encode()
    return hashlib.sha256(text).hexdigest()[:16]
