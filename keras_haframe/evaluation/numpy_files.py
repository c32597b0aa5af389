"""Scores in NumPy's files."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_haframe.archives import read_npy, read_npz
from keras_haframe.evaluation.table import LABELS, Table, reordered
from keras_haframe.tree import ClassTree
from keras_haframe.tree.validation import listed
from keras_haframe.tree_ops.columns import class_columns

SCORES = {"scores": None, "logits": "logits", "probabilities": "probabilities"}
ORDER = ("classes", "class_names", "names")


def load(path: pathlib.Path) -> Any:
    """Arrays of an `.npz` by name, or the array of an `.npy`; nothing that is pickled."""
    return read_npz(path) if path.suffix.lower() == ".npz" else read_npy(path)


def from_npz(
    arrays: Mapping[str, np.ndarray], tree: ClassTree, path: pathlib.Path, label: str | None
) -> Table:
    """Pick scores, labels and the names of columns out of an `.npz`, see `read_table`."""
    given = [name for name in SCORES if name in arrays]
    if len(given) != 1:
        raise ValueError(
            f"{path} must hold one array of {', '.join(map(repr, SCORES))}. "
            f"Received: {listed(list(arrays))}"
        )
    if label is not None and label not in arrays:
        raise ValueError(
            f"There is no array {label!r} of labels in {path}. It holds: {listed(list(arrays))}"
        )
    found = label or next((n for n in LABELS if n in arrays), None)
    labels = arrays[found] if found else None
    scores = arrays[given[0]]
    notes: list[str] = []
    names = next((arrays[n].astype(str).tolist() for n in ORDER if n in arrays), None)
    if names is not None:
        if scores.ndim != 2 or scores.shape[1] != len(names):
            raise ValueError(
                f"{path} names {len(names)} columns. Received scores of shape {scores.shape}"
            )
        order = class_columns(names, tree, str(path))
        if len(order) < len(names):
            own = set(order)
            strange = [n for i, n in enumerate(names) if i not in own]
            raise ValueError(f"{listed(strange)} of {path} are not classes of the tree. Drop them.")
        labels, notes = reordered(order, labels)
        scores = scores[:, order]
    return Table(scores, labels, SCORES[given[0]], tuple(notes))
