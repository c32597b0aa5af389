"""Labels in a file of their own."""

from __future__ import annotations

import csv
import pathlib

import numpy as np

from keras_haframe.archives import read_npy, read_npz
from keras_haframe.evaluation.table import LABELS
from keras_haframe.evaluation.text_files import opened
from keras_haframe.files import PathLike, reading
from keras_haframe.tree import ClassTree


def read(path: PathLike, tree: ClassTree) -> np.ndarray:
    """Labels `[n]` of a `.npy`, an `.npz` with `labels`, or a text file.

    A text file has one label a line, or a header with the column `label` (or another of
    `table.LABELS`).

    Args:
        path: The file.
        tree: A `ClassTree`: a first line that is no class and no number is a header.

    Returns:
        Integers, or texts.

    Raises:
        ValueError: If there is no such file or no column of labels.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"No such file: {path}")
    with reading(path):
        return _read(path, tree)


def _read(path: pathlib.Path, tree: ClassTree) -> np.ndarray:
    if path.suffix.lower() == ".npy":
        return read_npy(path)
    if path.suffix.lower() == ".npz":
        arrays = read_npz(path)
        name = next((n for n in LABELS if n in arrays), None)
        if name is None:
            raise ValueError(f"{path} must hold an array `labels`. It holds: {list(arrays)}")
        return arrays[name]
    if path.suffix.lower() == ".parquet":
        raise ValueError(f"Labels must be .npy, .npz, .csv or .txt. Received: {path}")
    with opened(path) as file:
        rows = [[c.strip() for c in row] for row in csv.reader(file) if any(c.strip() for c in row)]
    if not rows:
        raise ValueError(f"{path} holds no labels.")
    head, column = [cell.lower() for cell in rows[0]], 0
    named = next((head.index(n) for n in LABELS if n in head and n not in tree.leaves), None)
    if named is not None:
        rows, column = rows[1:], named
    elif len(head) > 1:
        raise ValueError(f"{path} must have one column, or a header with one of {LABELS}.")
    if any(len(row) <= column for row in rows):
        raise ValueError(f"{path}: every line must have a label, in column {column + 1}.")
    return np.array([row[column] for row in rows])
