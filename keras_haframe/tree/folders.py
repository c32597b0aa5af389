"""Folders of images as a tree: one walk gives the classes and the files of each."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import warnings
from collections import Counter
from typing import TYPE_CHECKING

from keras_haframe.tree.prefixes import tree_of_prefixes

if TYPE_CHECKING:
    from keras_haframe.tree.class_tree import ClassTree

IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm",
)  # fmt: skip
# Photographs and drawings that are not read: leaving them out is said aloud.
NOT_READ = (
    ".heic", ".heif", ".avif", ".jp2", ".jxl", ".svg", ".psd", ".dng", ".cr2", ".cr3", ".nef",
    ".arw", ".orf", ".rw2", ".raf",
)  # fmt: skip
NO_CLASSES = ("__MACOSX", "@eaDir")  # what a Mac's archives and a disk station add
SPLITS = ("train", "validation", "test")
SPLIT_FOLDERS = {
    "train": "train", "training": "train", "val": "validation", "valid": "validation",
    "validation": "validation", "test": "test", "testing": "test",
}  # fmt: skip


@dataclasses.dataclass
class Folders:
    """What a walk below a folder found.

    Attributes:
        top: The folder.
        files: Path of every class, in sorted order, to the sorted files of its folder; paths below
            `top`, with "/" on every system.
        left_out: How many other files there are, by ending.
    """

    top: pathlib.Path
    files: dict[tuple[str, ...], list[str]] = dataclasses.field(default_factory=dict)
    left_out: Counter = dataclasses.field(default_factory=Counter)


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
            and a link to a folder that it lies in.
    """
    for option, value in (("empty", empty), ("inner_images", inner_images)):
        if value not in ("refuse", "skip"):
            raise ValueError(f"`{option}` must be 'refuse' or 'skip'. Received: {value!r}")
    found = Folders(pathlib.Path(top))
    if not found.top.is_dir():
        raise ValueError(f"`path` must be a folder. Received: {found.top}")
    skipped: list[str] = []
    no_target: list[str] = []

    def walk(folder: pathlib.Path, above: tuple[str, ...], around: set[tuple[int, int]]) -> None:
        info = os.stat(folder)
        if (info.st_dev, info.st_ino) in around:
            raise ValueError(f"{folder} is a link to a folder that it lies in. Remove it.")
        around = around | {(info.st_dev, info.st_ino)}
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


def split_folders(
    top: str | os.PathLike, divided: bool | None = None
) -> dict[str, pathlib.Path] | None:
    """Folders of the splits, where `top` is divided into them; `None` where it is not.

    It is where all of its folders are called like splits (`train`, `val`, `test` and the like) and
    one of them is `train`.

    Args:
        top: The folder.
        divided: Whether it is; `None` to see by the names.

    Raises:
        ValueError: If only some folders are called so, if one split has two, or if there is no
            `train`.
    """
    top = pathlib.Path(top)
    if divided is False or not top.is_dir():
        return None
    names = sorted(
        e.name for e in os.scandir(top)
        if e.is_dir() and not e.name.startswith(".") and e.name not in NO_CLASSES
    )  # fmt: skip
    splits = [name for name in names if name.lower() in SPLIT_FOLDERS]
    if not splits and not divided:
        return None
    others = [name for name in names if name not in splits]
    result = {SPLIT_FOLDERS[name.lower()]: top / name for name in splits}
    if len(result) < len(splits):
        raise ValueError(f"{top} has two folders for one split: {splits}. Leave one of them.")
    if divided and others:
        warnings.warn(f"{top}: left out the folders {others}, which are no splits.", stacklevel=3)
    if "train" not in result or (others and divided is None):
        raise ValueError(
            f"{top} has folders called like splits, {splits}, "
            + (f"beside {others[:3]}. " if others else "but none called 'train'. ")
            + "Say what they are: divided=True for splits (then one must be 'train'), "
            "divided=False for classes."
        )
    return {split: result[split] for split in SPLITS if split in result}


def from_folders(
    cls: type[ClassTree],
    path: str | os.PathLike,
    root: str = "root",
    name: str | None = None,
    *,
    divided: bool | None = None,
) -> ClassTree:
    """Make a tree from a folder tree of images: the folders that hold images are the classes.

    Images are files that end in .jpg, .jpeg, .png, .bmp, .gif, .webp, .tif, .tiff or .ppm, in
    capital letters or not. `keras_haframe.data.image_folder` gives their data sets with the tree.

    Args:
        path: The top folder. Hidden folders are ignored, links followed; classes are in sorted
            order of their path, as in `keras.utils.image_dataset_from_directory`.
        root: Name of the root; not used when there is only one folder at the top.
        name: Name of the tree; the folder's name by default.
        divided: Whether the folders at the top are `train`, `validation` (or `val`) and `test`; the
            tree is then that of `train`. `None` to see by their names.

    Returns:
        A `ClassTree`.

    Raises:
        ValueError: If a folder holds both images and folders, or neither, and if only some folders
            at the top are called like splits.

    Example:

    >>> for folder in ("land/car", "land/truck", "air/jet"):
    ...     os.makedirs(f"photos/{folder}")
    ...     open(f"photos/{folder}/1.jpg", "wb").close()
    >>> tree = ClassTree.from_folders("photos")
    >>> tree.leaves
    ['jet', 'car', 'truck']
    >>> tree.label_of_file("photos/land/car/1.jpg")
    1
    """
    splits = split_folders(path, divided)
    found = scan(splits["train"] if splits else path)
    return tree_of_prefixes(cls, list(found.files), root, name or pathlib.Path(path).resolve().name)


def label_of_file(tree: ClassTree, path: str | os.PathLike) -> int:
    """Label of an image file by the folder it lies in.

    Args:
        path: Path of the file, such as `"photos/land/car/001.jpg"`. Its class is the one called
            like its folder; of several the one whose path in the tree the folders end in.

    Returns:
        The class label, from 0 to K - 1.

    Raises:
        ValueError: If no class is called like the folder, or the folders do not say which of
            several it is.

    Example:

    >>> tree = ClassTree.from_paths(["land/car", "land/other", "air/other"])
    >>> tree.label_of_file("photos/air/other/7.JPG"), tree.leaves
    (2, ['car', 'land/other', 'air/other'])
    """
    folders = pathlib.PurePath(path).parts[:-1]
    found: list[tuple[int, int]] = []  # length of the common ending, label
    for label, leaf in enumerate(tree.leaves):
        # A name that is not unique is shown with its path; a folder's own name has no "/".
        names = [name.rsplit("/", 1)[-1] for name in tree.path(label)[1:]]
        if folders[-1:] not in ((leaf,), (names[-1],)):
            continue
        same = tuple(names) == folders[-len(names) :]
        found.append((len(names) if same else 0, label))
    best = [label for length, label in found if length == max(found)[0]]
    if len(best) != 1:
        which = f"any of {[tree.leaves[label] for label in best][:5]}" if best else "no class"
        raise ValueError(
            "The folders above an image file must name one class of the tree. "
            f"Received: {os.fspath(path)}, {which}"
        )
    return best[0]
