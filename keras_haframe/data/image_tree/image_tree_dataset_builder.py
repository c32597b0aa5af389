"""TFDS builder for a folder of one's own images."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from keras_haframe.data.image_builder import ImageBuilder
from keras_haframe.data.splits import seeded_split
from keras_haframe.tree import ClassTree
from keras_haframe.tree.readers import IMAGE_SUFFIXES

SPLITS = ("train", "validation", "test")


@dataclasses.dataclass(eq=False)
class ImageTreeConfig(tfds.core.BuilderConfig):
    """Which folder, and how to divide it.

    Args:
        name: Name of the data set; each name is prepared once.
        path: The folder. Its folders are the class tree, as `ClassTree.from_folders` reads it: the
            folders that hold images are the classes. If it has a folder `train`, then `train`,
            `validation` and `test` (those that there are) hold a tree each: the one of `train`,
            where the others may lack classes.
        validation, test: Shares of every class, rounded down, where the folder is not divided.
        seed: Seed of that division.

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


class Builder(ImageBuilder):
    """Serves `tfds.load("image_tree", builder_kwargs={"config": ImageTreeConfig(...)})`.

    Every example has `image` (uint8 RGB), `label` and `file_name` (the path below the folder).
    """

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
        config = self.builder_config
        top = pathlib.Path(config.path)
        if not top.is_dir():
            raise FileNotFoundError(f"{top} is no folder. Put the images there, a folder a class.")
        divided = (top / "train").is_dir()
        first = top / "train" if divided else top
        tree = ClassTree.from_folders(first, name=config.name)
        self.describe(tree)
        label_of = {folder: name for folder, name in zip(class_folders(first), tree.leaves)}
        if divided:
            parts = {s: list(labeled(top / s, label_of)) for s in SPLITS if (top / s).is_dir()}
        else:
            parts = {split: [] for split in SPLITS}
            by_class: dict[str, list[str]] = {name: [] for name in tree.leaves}
            for file, name in labeled(top, label_of):
                by_class[name].append(file)
            sizes = {"validation": float(config.validation), "test": float(config.test)}
            for label, name in enumerate(tree.leaves):
                drawn = seeded_split(by_class[name], {**sizes, "train": -1}, config.seed, label)
                for split, files in drawn.items():
                    parts[split] += [(file, name) for file in files]
        return {
            split: self._generate_examples(top / split if divided else top, files)
            for split, files in parts.items()
            if files
        }

    def _generate_examples(self, folder: Any, files: Any) -> Iterator[tuple[str, dict]]:
        def contents() -> Iterator[tuple[str, bytes, dict]]:
            for name, label in files:
                yield str(folder / name), (folder / name).read_bytes(), {"label": label}

        for path, example in self.examples(contents()):
            name = pathlib.Path(path).relative_to(folder).as_posix()
            yield name, {**example, "file_name": name}


def class_folders(top: pathlib.Path) -> list[str]:
    """Folders that hold images, below `top`, in the order of `ClassTree.from_folders`."""
    folders = {pathlib.PurePosixPath(file).parent for file in image_files(top)}
    return [folder.as_posix() for folder in sorted(folders, key=lambda folder: folder.parts)]


def image_files(top: pathlib.Path) -> Iterator[str]:
    """Paths of the images below `top`, hidden files and folders left out."""
    for folder, folders, files in os.walk(top):
        folders[:] = [f for f in folders if not f.startswith(".")]
        below = pathlib.Path(folder).relative_to(top)
        for file in files:
            if file.lower().endswith(IMAGE_SUFFIXES) and not file.startswith("."):
                yield (below / file).as_posix()


def labeled(top: pathlib.Path, label_of: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Path below `top` and class of every image; a folder that is no class is refused."""
    for file in sorted(image_files(top)):
        folder = pathlib.PurePosixPath(file).parent.as_posix()
        if folder not in label_of:
            raise ValueError(f"{top / file} is in no class of the tree of the training images.")
        yield file, label_of[folder]
