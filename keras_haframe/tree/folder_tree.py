"""The tree of a folder of images, and the label of a file in it."""

from __future__ import annotations

import os
import pathlib
from typing import TYPE_CHECKING

from keras_haframe.tree.folders import scan
from keras_haframe.tree.prefixes import tree_of_prefixes
from keras_haframe.tree.split_folders import split_folders

if TYPE_CHECKING:
    from keras_haframe.tree.class_tree import ClassTree


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


def labels_by_folder(tree: ClassTree) -> dict[str, list[int]]:
    """Labels of the classes that a folder's name may mean.

    A name that is not unique is shown with its path; a folder's own name has no "/".
    """
    found: dict[str, list[int]] = {}
    for label, leaf in enumerate(tree.leaves):
        for name in {leaf, leaf.rsplit("/", 1)[-1]}:
            found.setdefault(name, []).append(label)
    return found


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
    for label in tree.labels_by_folder.get(folders[-1] if folders else "", ()):
        names = [name.rsplit("/", 1)[-1] for name in tree.path(label)[1:]]
        same = tuple(names) == folders[-len(names) :]
        found.append((len(names) if same else 0, label))
    longest = max(found, default=(0, 0))[0]
    best = [label for length, label in found if length == longest]
    if len(best) != 1:
        which = f"any of {[tree.leaves[label] for label in best][:5]}" if best else "no class"
        raise ValueError(
            "The folders above an image file must name one class of the tree. "
            f"Received: {os.fspath(path)}, {which}"
        )
    return best[0]
