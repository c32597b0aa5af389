"""Reads images out of ImageNet's archives, which stay packed."""

from __future__ import annotations

import pathlib
import re
import tarfile
from collections.abc import Iterable, Iterator

from keras_haframe.files import PathLike


def training_names(path: pathlib.Path, classes: Iterable[str]) -> dict[str, list[str]]:
    """File names of every class in `ILSVRC2012_img_train.tar`, an archive of one archive a class.

    Raises:
        ValueError: If a class is not in the archive.
    """
    wanted = set(classes)
    names = {}
    for wordnet_id, inner in _class_archives(path, wanted):
        names[wordnet_id] = [m.name for m in inner if m.isfile()]
    missing = sorted(wanted - set(names))
    if missing:
        raise ValueError(
            f"{path} has no {missing[0]}.tar ({len(missing)} of {len(wanted)} classes missing). "
            "It must be the archive of the ILSVRC 2012 training images."
        )
    return names


def training_files(
    path: pathlib.Path, chosen: dict[str, set[str]]
) -> Iterator[tuple[str, bytes, dict]]:
    """Name, content and label of the chosen files, `{WordNet id: names}`."""
    for wordnet_id, inner in _class_archives(path, set(chosen)):
        for member in inner:
            if member.name in chosen[wordnet_id]:
                content = inner.extractfile(member).read()  # type: ignore[union-attr]
                yield member.name, content, {"label": wordnet_id}


def _class_archives(path: PathLike, wanted: set[str]) -> Iterator[tuple[str, tarfile.TarFile]]:
    with tarfile.open(path, "r:") as outer:
        for member in outer:
            wordnet_id = pathlib.PurePosixPath(member.name).stem
            if wordnet_id in wanted:
                with tarfile.open(fileobj=outer.extractfile(member), mode="r:") as inner:
                    yield wordnet_id, inner


def validation_names(path: pathlib.Path, labels: list[str]) -> dict[str, list[str]]:
    """File names of every class in `ILSVRC2012_img_val.tar`.

    Args:
        path: The archive; its files are called `ILSVRC2012_val_00000001.JPEG` and so on.
        labels: WordNet id of every validation image, in the order of the numbers.
    """
    names: dict[str, list[str]] = {}
    with tarfile.open(path, "r:") as archive:
        for member in archive:
            number = re.search(r"_(\d+)\.JPEG$", member.name)
            if number and 1 <= int(number[1]) <= len(labels):
                names.setdefault(labels[int(number[1]) - 1], []).append(member.name)
    if not names:
        raise ValueError(
            f"{path} holds no file named like ILSVRC2012_val_00000001.JPEG. It must be the archive "
            "of the ILSVRC 2012 validation images."
        )
    return names


def validation_files(
    path: pathlib.Path, label_of: dict[str, str]
) -> Iterator[tuple[str, bytes, dict]]:
    """Name, content and label of the files that `label_of` names."""
    with tarfile.open(path, "r:") as archive:
        for member in archive:
            if member.name in label_of:
                content = archive.extractfile(member).read()  # type: ignore[union-attr]
                yield member.name, content, {"label": label_of[member.name]}
