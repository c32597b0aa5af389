"""What the TFDS builders of iNaturalist's competitions share."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from keras_haframe.data.image_builder import ImageBuilder, manual_path
from keras_haframe.data.inaturalist2019.categories import (
    category_tree,
    labeled_images,
    read_json,
)
from keras_haframe.data.splits import read_splits, write_splits
from keras_haframe.tree import ClassTree

SPLITS = "splits.csv"
ALL = ("train", "validation", "test")


class INaturalistBuilder(ImageBuilder, skip_registration=True):  # type: ignore[call-arg]
    """TFDS builder of archives of photographs, with annotations and ranks in JSON files.

    The archives are read as they are, not unpacked; what does not lie in `manual_dir` is downloaded
    from `BASE`. A file `NAME_splits.csv` there divides the images in another way than `divided`.

    Attributes:
        BASE: Address of the folder that the files are downloaded from.
    """

    BASE: ClassVar[str]

    def archives(self) -> Mapping[str, tuple[str, ...]]:
        """Return the archives of images, each with the annotation files of its images."""
        raise NotImplementedError

    def category_file(self) -> str:
        """Return the name of the file whose categories have all ranks."""
        raise NotImplementedError

    def divided(self, labels: list[dict[str, str]], tree: ClassTree) -> dict[str, list[str]]:
        """Return the files of every split.

        Args:
            labels: File name to class name, of every archive in the order of `archives`.
            tree: The class tree.
        """
        raise NotImplementedError

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        archives, ranks = self.archives(), self.category_file()
        files = {ranks, *archives, *(name for names in archives.values() for name in names)}
        there = {name: manual_path(dl_manager, name) for name in files}
        missing = {name: f"{self.BASE}/{name}" for name, path in there.items() if path is None}
        paths = {**there, **(dl_manager.download(missing) if missing else {})}

        content = {ranks: read_json(pathlib.Path(paths[ranks]))}
        tree, names = category_tree(content[ranks], self.name)
        self.describe(tree)
        labels: list[dict[str, str]] = []
        for parts in archives.values():
            numbers: dict[str, int] = {}
            for name in parts:
                read = content.get(name) or read_json(pathlib.Path(paths[name]))
                numbers |= labeled_images(read)
            labels.append({file: names[number] for file, number in numbers.items()})

        every = {file: name for part in labels for file, name in part.items()}
        split_of = self._division(dl_manager, labels, tree)
        unknown = sorted(set(split_of) - set(every))
        if unknown:
            raise ValueError(
                f"{self.name}_splits.csv names {unknown[0]!r}, which is in no annotation file."
            )
        return {
            split: self._generate_examples(
                {
                    name: (
                        dl_manager.iter_archive(pathlib.Path(paths[name])),
                        {file: part[file] for file in part if split_of.get(file) == split},
                    )
                    for name, part in zip(archives, labels)
                }
            )
            for split in ALL
        }

    def _division(
        self, dl_manager: tfds.download.DownloadManager, labels: list[dict], tree: ClassTree
    ) -> dict[str, str]:
        """Split of every file, kept beside the prepared data: the user's choice or ours."""
        chosen = manual_path(dl_manager, f"{self.name}_splits.csv")
        stored = pathlib.Path(self.data_path) / SPLITS
        if chosen is None:
            write_splits(stored, self.divided(labels, tree))
        else:
            shutil.copyfile(chosen, stored)
        return read_splits(stored)

    def _generate_examples(
        self, archives: Mapping[str, tuple[Any, dict[str, str]]]
    ) -> Iterator[tuple[str, dict]]:
        for archive, (members, labels) in archives.items():
            if labels:
                yield from self._of_archive(archive, members, labels)

    def _of_archive(
        self, archive: str, members: Any, labels: dict[str, str]
    ) -> Iterator[tuple[str, dict]]:
        left = set(labels)

        def files() -> Iterator[tuple[str, bytes, dict]]:
            for name, file in members:
                if name in left:
                    left.discard(name)
                    yield name, file.read(), {"label": labels[name]}

        yield from self.examples(files())
        if left:
            raise ValueError(
                f"{archive} lacks {len(left)} images of the annotations, {min(left)} for example. "
                "Fetch the archive again."
            )


def by_class(labels: Mapping[str, str], tree: ClassTree) -> list[list[str]]:
    """File names of every class, in the order of the tree's classes."""
    files: dict[str, list[str]] = {name: [] for name in tree.leaves}
    for file, name in labels.items():
        files[name].append(file)
    return [files[name] for name in tree.leaves]
