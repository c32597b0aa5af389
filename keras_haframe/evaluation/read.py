"""Scores and labels from arrays, files and tables; named columns are matched with the tree."""

from __future__ import annotations

import os
import pathlib
from typing import Any

import numpy as np

from keras_haframe.evaluation.numpy_files import from_npz, load
from keras_haframe.evaluation.table import LABELS, Table, reordered
from keras_haframe.evaluation.text_files import read_csv
from keras_haframe.files import reading
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.columns import (
    class_columns,
    column_names,
    is_numbered,
    listed,
    to_array,
)

SUFFIXES = (".npz", ".npy", ".csv", ".tsv", ".txt", ".parquet")


def is_file(value: Any) -> bool:
    """Whether `value` is the name of a file of a kind that is read here."""
    if isinstance(value, os.PathLike):
        return True
    return isinstance(value, str) and pathlib.Path(value).suffix.lower() in SUFFIXES


def read_table(source: Any, tree: ClassTree, label_column: str | None = None) -> Table:
    """Scores, and labels where there are any, of a file, a DataFrame or an array.

    - `.npy`: scores `[n, K]`.
    - `.npz`: `scores` (or `logits`, `probabilities`), optionally `labels`, and `classes`, the
      names of the columns.
    - `.csv` (also `;` and tabs, decimal commas), `.parquet`, DataFrames of pandas or polars and
      Arrow tables: a column per class, found by its name in any order, and optionally one of
      labels. Without a header, columns are in the order of `tree.leaves`.

    Labels that are numbers count the classes of their own table.

    Args:
        source: A path, a DataFrame, or an array or tensor `[n, K]`.
        tree: A `ClassTree`.
        label_column: Name of the column (of the array in `.npz`) with the labels; by default one
            of `label`, `labels`, `y_true`, `target`, `class`.

    Returns:
        A `Table`.

    Raises:
        ValueError: For a class without a column, a column of numbers that is no class, a label
            column that is not there, or a file that is not what its name says.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> np.savez("mine.npz", scores=np.eye(4), labels=[0, 1, 2, 3])
    >>> read_table("mine.npz", tree).labels.tolist()
    [0, 1, 2, 3]
    """
    if not is_file(source):
        if isinstance(source, str):
            raise ValueError(
                f"A file of scores must be one of {', '.join(SUFFIXES)}. Received: {source!r}"
            )
        names = column_names(source)
        if names is None:
            if label_column is not None:
                raise ValueError(
                    f"`labels` must be an array where `scores` is one: arrays have no column "
                    f"{label_column!r}."
                )
            return Table(source)
        return _from_columns(
            names,
            lambda i: _column(source, names[i]),
            tree,
            "the table",
            label_column,
            whole=source,
        )
    path = pathlib.Path(source)
    if not path.is_file():
        raise ValueError(f"No such file: {path}")
    with reading(path):
        return _of_file(path, tree, label_column)


def _of_file(path: pathlib.Path, tree: ClassTree, label_column: str | None) -> Table:
    if path.suffix.lower() == ".npy":
        return Table(load(path))
    if path.suffix.lower() == ".npz":
        return from_npz(load(path), tree, path, label_column)
    if path.suffix.lower() == ".parquet":
        return read_table(_arrow(path), tree, label_column)
    names, column, array = read_csv(path)
    if names is None:
        if array.shape[1] == 1 or array.shape[1] == tree.num_classes:
            return Table(array)
        raise ValueError(
            f"{path} has no header and {array.shape[1]} columns; the tree has {tree.num_classes} "
            "classes. Give it a header with the names of the classes."
        )
    return _from_columns(names, column, tree, str(path), label_column, array=array)


def _from_columns(
    names: list,
    column: Any,
    tree: ClassTree,
    source: str,
    label_column: str | None,
    whole: Any = None,
    array: np.ndarray | None = None,
) -> Table:
    """Pick the columns of the classes, and that of the labels, out of a table."""
    texts = [str(name).strip() for name in names]
    if label_column is not None and label_column not in texts:
        raise ValueError(
            f"There is no column {label_column!r} of labels in {source}. Its columns: "
            f"{listed(texts)}"
        )
    classes = set(tree.leaves)
    found = label_column or next((n for n in LABELS if n in texts and n not in classes), None)
    if is_numbered(names):
        order, others = class_columns(names, tree, source), []
    else:
        order = class_columns([n for n in texts], tree, source)
        others = [i for i, n in enumerate(texts) if n not in classes and n != found]
    floats = [texts[i] for i in others if np.asarray(column(i)).dtype.kind == "f"]
    if floats:
        raise ValueError(
            f"Columns of numbers must be classes of the tree. Received: {listed(floats)} in "
            f"{source}. Drop them, or add them to the tree: probabilities without a class do not "
            "sum to 1."
        )
    labels = None if found is None else np.asarray(column(texts.index(found)))
    labels, notes = reordered(order, labels)
    if others:
        notes.append(f"Columns that are not read: {listed([texts[i] for i in others])}.")
    if array is not None:
        scores = array[:, order]
    elif whole is not None and len(order) == len(names):
        scores = to_array(whole)[:, order]
    else:
        scores = np.column_stack([np.asarray(column(i)) for i in order])
    return Table(scores, labels, None, tuple(notes))


def _column(table: Any, name: Any) -> np.ndarray:
    found = table[name] if hasattr(table, "__getitem__") else table.column(name)
    return found.to_numpy() if hasattr(found, "to_numpy") else np.asarray(found)


def _arrow(path: pathlib.Path) -> Any:
    try:
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise ValueError(
            f"Reading {path} needs pyarrow, which is not installed: pip install pyarrow. Or write "
            "the table as .csv or .npz."
        ) from None
    try:
        table = pyarrow.parquet.read_table(path)
        _ = table.column_names  # decoded when they are asked for
        return table
    except (pyarrow.lib.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a Parquet file: {error}") from None
