"""Which image files there are, with the labels of a tree, and how they are divided into splits."""

from __future__ import annotations

import dataclasses
import pathlib
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping

from keras_haframe.data.splits import seeded_split
from keras_haframe.files import PathLike
from keras_haframe.tree import ClassTree
from keras_haframe.tree.folders import Folders, scan
from keras_haframe.tree.prefixes import tree_of_prefixes
from keras_haframe.tree.split_folders import SPLITS, split_folders

Files = list[tuple[str, int]]


@dataclasses.dataclass
class LabeledFiles:
    """Files with their labels.

    Attributes:
        tree: Tree whose leaves are the labels.
        parts: `(path, label)` of every file, by split; all in `"train"` where nothing is divided.
        left_out: How many files of other kinds there are, by ending.
        divided: Whether somebody has divided them already.
    """

    tree: ClassTree
    parts: dict[str, Files]
    left_out: Counter = dataclasses.field(default_factory=Counter)
    divided: bool = False

    def divide(self, shares: Mapping[str, float], seed: int) -> LabeledFiles:
        """Draw the splits that are not there yet from every class of the training files.

        Of a class with n files a split gets `share * n`, to the nearest whole number; at least one
        file stays for training. What is drawn follows from the seed and the class's own files.

        Args:
            shares: Share of every split to draw, 0 for none.
            seed: Seed of the division.

        Raises:
            ValueError: For shares that are negative or leave nothing to train on.
        """
        if any(not 0 <= share < 1 for share in shares.values()) or sum(shares.values()) >= 1:
            raise ValueError(
                "The shares of validation and test must be 0 or more and leave some for training. "
                f"Received: {dict(shares)}"
            )
        shares = {split: share for split, share in shares.items() if split not in self.parts}
        parts: dict[str, Files] = {split: list(self.parts.get(split, ())) for split in SPLITS}
        parts["train"] = []
        by_class: list[list[str]] = [[] for _ in self.tree.leaves]
        for file, label in self.parts["train"]:
            by_class[label].append(file)
        for label, files in enumerate(by_class):
            left, sizes = len(files) - 1, {}
            for split, share in shares.items():
                sizes[split] = max(min(int(share * len(files) + 0.5), left), 0)
                left -= sizes[split]
            for split, names in seeded_split(files, {**sizes, "train": -1}, seed, label).items():
                parts[split] += [(name, label) for name in names]
        return dataclasses.replace(self, parts=parts)

    def warn_of_missing(self, source: str) -> None:
        """Warn of classes without an image in a split that has some, by their names."""
        for split, files in self.parts.items():
            have = {label for _, label in files}
            missing = [name for i, name in enumerate(self.tree.leaves) if i not in have]
            if files and missing:
                more = ", ..." if len(missing) > 5 else ""
                warnings.warn(
                    f"{source}: {len(missing)} of {self.tree.num_classes} classes have no image in "
                    f"the {split} split: {', '.join(missing[:5])}{more}",
                    stacklevel=3,
                )


def files_of_folders(
    path: PathLike,
    *,
    tree: ClassTree | None = None,
    divided: bool | None = None,
    inner_images: str = "refuse",
    name: str | None = None,
) -> LabeledFiles:
    """Image files below a folder, labeled by the folder they lie in.

    Args:
        path: The folder.
        tree: A tree with a class for every folder; by default the folders are the tree.
        divided: As of `ClassTree.from_folders`.
        inner_images: As of `tree.folders.scan`.
        name: Name of the tree; the folder's name by default.

    Raises:
        ValueError: For what `scan` refuses, and a folder that is no class of the tree.
    """
    top = pathlib.Path(path)
    splits = split_folders(top, divided)
    found = {}
    for split, folder in (splits or {"train": top}).items():
        empty = "refuse" if split == "train" else "skip"
        found[split] = scan(folder, empty=empty, inner_images=inner_images)
    for split in SPLITS[1:]:
        for place, folder in found[split].places.items() if split in found else ():
            found["train"].add_place(place, folder)
    paths = list(found["train"].files)
    if tree is None:
        tree = tree_of_prefixes(ClassTree, paths, "root", name or top.resolve().name)
        label_of = {path: label for label, path in enumerate(paths)}
    else:
        label_of = _labels_in(tree, found.values())
    parts: dict[str, Files] = {}
    for split, folders in found.items():
        parts[split] = []
        for below, files in folders.files.items():
            if below not in label_of:
                raise ValueError(
                    f"{folders.top / files[0]} is in no class of the tree of the training images."
                )
            parts[split] += [(str(folders.top / file), label_of[below]) for file in files]
    left_out = sum((folders.left_out for folders in found.values()), Counter())
    return LabeledFiles(tree, parts, left_out, divided=bool(splits))


def _labels_in(tree: ClassTree, found: Iterable[Folders]) -> dict[tuple[str, ...], int]:
    """Label of every folder in a tree of the user's; each class has one folder."""
    label_of: dict[tuple[str, ...], int] = {}
    for folders in found:
        for path in folders.files:
            label_of[path] = tree.label_of_file("/".join((*path, "image")))
    twice = [label for label, count in Counter(label_of.values()).items() if count > 1]
    if twice:
        two = ["/".join(path) for path, label in label_of.items() if label == twice[0]]
        raise ValueError(f"The folders {two} are one class of `tree`, {tree.leaves[twice[0]]!r}.")
    return label_of
