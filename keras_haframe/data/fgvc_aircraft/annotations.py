"""Reads the annotation files of the FGVC-Aircraft archive."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

from keras_haframe.data.splits import SPLIT_NAMES
from keras_haframe.tree import ClassTree

LEVELS = ("manufacturer", "family", "variant")


def read_annotations(data: pathlib.Path) -> dict[str, dict[str, tuple[str, ...]]]:
    """Manufacturer, family and variant of every image of every split.

    Args:
        data: The archive's folder `data`.

    Returns:
        Split (`train`, `validation`, `test`) to image number to the three names.

    Raises:
        FileNotFoundError: If a list is missing.
        ValueError: If the three lists of a split do not name the same images.
    """
    result = {}
    for split, file_split in SPLIT_NAMES.items():
        lists = {level: _read(data / f"images_{level}_{file_split}.txt") for level in LEVELS}
        for level in LEVELS[:2]:
            odd = sorted(set(lists[level]) ^ set(lists["variant"]))
            if odd:
                raise ValueError(
                    f"{data}: images_{level}_{file_split}.txt and images_variant_{file_split}.txt "
                    f"name different images, {odd[0]} for example. Unpack the archive again."
                )
        result[split] = {i: tuple(lists[level][i] for level in LEVELS) for i in lists["variant"]}
    return result


def _read(path: pathlib.Path) -> dict[str, str]:
    """Lines `1025794 Boeing 737-700`: number of the image and a name that may hold spaces."""
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing. It belongs to fgvc-aircraft-2013b.tar.gz: unpack that again."
        )
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.strip().split(" ", 1) for line in lines if line.strip())


def annotation_tree(annotations: Mapping[str, Mapping[str, tuple[str, ...]]]) -> ClassTree:
    """Tree of manufacturers, families and variants.

    Classes are sorted as the papers sort them: as folder names, where `/` is written `-slash-`.
    A family called like a variant is shown with its manufacturer (`"Boeing/Boeing 717"`).

    Raises:
        ValueError: If a variant has two families or a family two manufacturers.

    Example:

    >>> annotation_tree({"train": {"1": ("Boeing", "Boeing 737", "737-300"),
    ...                            "2": ("Airbus", "A380", "A380")}}).path("737-300")
    ['aircraft', 'Boeing', 'Boeing 737', '737-300']
    """
    lineages = {names for images in annotations.values() for names in images.values()}
    for level in (1, 2):
        seen: dict[str, str] = {}
        for names in sorted(lineages):
            if seen.setdefault(names[level], names[level - 1]) != names[level - 1]:
                raise ValueError(
                    f"{LEVELS[level].capitalize()} {names[level]!r} belongs to two: "
                    f"{seen[names[level]]!r} and {names[level - 1]!r}."
                )
    ordered = sorted(lineages, key=lambda names: names[2].replace("/", "-slash-"))
    return ClassTree.from_paths(
        [("aircraft", *names) for names in ordered], root="aircraft", name="fgvc_aircraft"
    )
