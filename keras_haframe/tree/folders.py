"""Folders of images: one walk gives the classes and the files of each."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import warnings
from collections import Counter

from keras_haframe.tree.validation import check_path

IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm",
)  # fmt: skip
# Photographs and drawings that are not read: leaving them out is said aloud.
NOT_READ = (
    ".heic", ".heif", ".avif", ".jp2", ".jxl", ".svg", ".psd", ".dng", ".cr2", ".cr3", ".nef",
    ".arw", ".orf", ".rw2", ".raf",
)  # fmt: skip
NO_CLASSES = ("__MACOSX", "@eaDir")  # what a Mac's archives and a disk station add


@dataclasses.dataclass
class Folders:
    """What a walk below a folder found.

    Attributes:
        top: The folder.
        files: Path of every class, in sorted order, to the sorted files of its folder; paths below
            `top`, with "/" on every system.
        left_out: How many other files there are, by ending.
        places: The class folder at every path without links.
    """

    top: pathlib.Path
    files: dict[tuple[str, ...], list[str]] = dataclasses.field(default_factory=dict)
    left_out: Counter = dataclasses.field(default_factory=Counter)
    places: dict[str, pathlib.Path] = dataclasses.field(default_factory=dict)

    def add_place(self, place: str, folder: pathlib.Path) -> None:
        """Note where a class folder is; refuse a second class of the same photographs."""
        if place in self.places:
            raise ValueError(
                f"{self.places[place]} and {folder} are one folder, by a link: its photographs "
                "would be in two classes or splits. Remove one of the links."
            )
        self.places[place] = folder


def scan(top: str | os.PathLike, *, empty: str = "refuse", inner_images: str = "refuse") -> Folders:
    """Walk the folders below `top`, links to folders and files included.

    Left out are hidden folders and files (`.cache`, `._1.jpg`), the folders `__MACOSX` and
    `@eaDir`, and files that are no images by their ending (in capital letters or not).

    Args:
        top: The folder.
        empty: Folders with neither images nor folders: `"refuse"`, or `"skip"` them.
        inner_images: Images in a folder that has folders: `"refuse"`, or `"skip"` with a warning.

    Raises:
        ValueError: For what is refused, a folder that is not there, images without a class folder,
            a link to a folder that it lies in, and two links to one.
    """
    for option, value in (("empty", empty), ("inner_images", inner_images)):
        if value not in ("refuse", "skip"):
            raise ValueError(f"`{option}` must be 'refuse' or 'skip'. Received: {value!r}")
    found = Folders(check_path(top))
    if not found.top.is_dir():
        raise ValueError(f"`path` must be a folder. Received: {found.top}")
    skipped: list[str] = []
    no_target: list[str] = []

    def walk(folder: pathlib.Path, above: tuple[str, ...], around: set[str]) -> None:
        place = os.path.realpath(folder)
        if place in around:
            raise ValueError(f"{folder} is a link to a folder that it lies in. Remove it.")
        around = around | {place}
        folders, images = [], []
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.name.startswith(".") or entry.name in NO_CLASSES:
                continue
            if entry.is_dir():
                folders.append(entry.name)
            elif not entry.is_file():
                no_target.append(entry.path)
            elif entry.name.lower().endswith(IMAGE_SUFFIXES):
                images.append("/".join((*above, entry.name)))
            else:
                found.left_out[os.path.splitext(entry.name)[1].lower() or "no ending"] += 1
        if folders and images:
            if inner_images == "refuse":
                raise ValueError(
                    f"{folder} holds both images ({os.path.basename(images[0])}) and folders "
                    f"({folders[0]}): a class that is an inner node. Move its images into a folder "
                    "of their own, or leave them out with inner_images='skip'."
                )
            skipped.extend(images)
        elif images and not above:
            raise ValueError(f"{folder} holds images but no class folders.")
        elif images:
            found.files[above] = images
            found.add_place(place, folder)
        elif not folders and empty == "refuse":
            raise ValueError(
                f"{folder} holds no images {IMAGE_SUFFIXES} and no folders. Remove it, or put its "
                f"images there.{_others(found.left_out)}"
            )
        for name in folders:
            walk(folder / name, (*above, name), around)

    walk(found.top, (), set())
    unread = {kind: n for kind, n in found.left_out.items() if kind in NOT_READ}
    for files, what in (
        (skipped, "images in folders that have folders"),
        (no_target, "files that are no files, or links to nothing"),
    ):
        if files:
            warnings.warn(f"{top}: left out {len(files)} {what}, {files[0]} first.", stacklevel=3)
    if unread:
        warnings.warn(
            f"{top}: left out images of kinds that are not read:{_others(Counter(unread))} "
            "Convert them to JPEG or PNG.",
            stacklevel=3,
        )
    return found


def _others(left_out: Counter) -> str:
    kinds = ", ".join(f"{n} {kind}" for kind, n in left_out.most_common(5))
    return f" Other files so far: {kinds}." if kinds else ""
