"""Training, validation and test parts: drawn by a seeded rule and kept in a file."""

from __future__ import annotations

import csv
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from keras_haframe.files import PathLike, reading, whole

# What TFDS calls a split, and what the authors of data sets do.
SPLIT_NAMES = {"train": "train", "validation": "val", "test": "test"}


def seeded_split(
    names: Sequence[str], parts: Mapping[str, float | int], seed: int, label: int
) -> dict[str, list[str]]:
    """Divide the files of one class.

    The sorted names are shuffled by a generator seeded with `(seed, label)`, so a class's parts
    depend on nothing but its own files.

    Args:
        names: File names of the class.
        parts: Part to its size: whole numbers are counts, fractions shares of the class, rounded
            down. The part with size -1 gets the rest. Parts are taken in this order.
        seed: Seed of the split.
        label: Label of the class.

    Returns:
        Part to sorted file names.

    Raises:
        ValueError: If there are fewer files than the counts ask for.

    Example:

    >>> parts = seeded_split([f"{i}.jpg" for i in range(10)], {"test": 0.25, "train": -1}, 0, 0)
    >>> len(parts["test"]), len(parts["train"])
    (2, 8)
    """
    order = np.random.default_rng([seed, label]).permutation(len(names))
    shuffled = [sorted(names)[i] for i in order]
    sizes = {p: int(s * len(names)) if isinstance(s, float) else s for p, s in parts.items()}
    rest = len(names) - sum(s for s in sizes.values() if s >= 0)
    if rest < 0:
        raise ValueError(
            f"Class {label} has {len(names)} files, but the split asks for {sizes}. First file: "
            f"{min(names, default=None)}"
        )
    result, start = {}, 0
    for part, size in sizes.items():
        stop = start + (rest if size < 0 else size)
        result[part] = sorted(shuffled[start:stop])
        start = stop
    return result


def write_splits(path: PathLike, splits: Mapping[str, Sequence[str]]) -> None:
    """Write `split,file_name` lines, the form that `read_splits` reads."""
    with whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["split", "file_name"])
        writer.writerows((split, name) for split, names in splits.items() for name in names)


def read_splits(
    path: PathLike, known: Sequence[str] = ("train", "validation", "test")
) -> dict[str, str]:
    """Read which file belongs to which split.

    Args:
        path: A CSV file with the columns `split` and `file_name`.
        known: The splits there may be.

    Returns:
        File name to split.

    Raises:
        ValueError: For missing columns, an unknown split, or a file named twice.

    Example:

    >>> write_splits("splits.csv", {"train": ["a.jpg", "b.jpg"], "test": ["c.jpg"]})
    >>> read_splits("splits.csv")["c.jpg"]
    'test'
    """
    result: dict[str, str] = {}
    with reading(path), pathlib.Path(path).open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if not {"split", "file_name"} <= set(reader.fieldnames or ()):
            raise ValueError(
                f"{path} must have the columns split and file_name. Received: {reader.fieldnames}"
            )
        for line, row in enumerate(reader, start=2):
            if row["split"] not in known:
                raise ValueError(
                    f"{path}, line {line}: `split` must be one of {tuple(known)}. Received: "
                    f"{row['split']!r}"
                )
            if row["file_name"] in result:
                raise ValueError(f"{path}, line {line}: {row['file_name']!r} is named twice.")
            result[row["file_name"]] = row["split"]
    return result
