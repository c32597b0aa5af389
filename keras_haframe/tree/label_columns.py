"""Reader of label columns, as data sets with several label levels have them.

`from_label_columns` becomes a class method of `ClassTree`, so `cls` is that class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_haframe.tree.validation import check_name

if TYPE_CHECKING:
    from keras_haframe.tree.class_tree import ClassTree


def from_label_columns(
    cls: type[ClassTree],
    *columns: Sequence | np.ndarray,
    names: Sequence[Sequence[str] | None] | Mapping | None = None,
    root: str = "root",
    name: str | None = None,
) -> ClassTree:
    """Make a tree from label columns, as data sets with several label levels have them.

    Args:
        *columns: `fine, coarse, ...`: one array per level, finest first, with one entry per
            example or per class; or one sequence, dictionary, data frame or `[n, levels]` array
            holding them. Class integers must use every label from 0 up; the integers of coarser
            columns may have gaps. Strings are taken in sorted order.
        names: Optional lists of names, one per column (or a dictionary by column name), for
            integer columns (as in TFDS's `ClassLabel.names`).
        root: Name of the root that is put above the coarsest column.
        name: Name of the tree.

    Returns:
        A `ClassTree` whose class `k` is label `k` of the first column.

    Raises:
        ValueError: If a label occurs with two different parents, if class integers have gaps, or
            if labels are neither integers nor strings.

    Example:

    >>> ClassTree.from_label_columns([0, 1, 2, 3], [0, 0, 1, 1]).nodes
    ['class 0', 'class 1', 'class 2', 'class 3', 'level 1: 0', 'level 1: 1', 'root']
    """
    table: Any = columns
    if len(columns) == 1:
        table = columns[0]
        if hasattr(table, "columns"):  # a data frame
            table = {title: table[title] for title in table.columns}
        if isinstance(table, np.ndarray) and table.ndim == 2:
            table = table.T
    if not isinstance(table, (Mapping, Sequence, np.ndarray)):
        raise ValueError(
            "Label columns must be arrays, a table or a dictionary of arrays. "
            f"Received: {type(table).__name__}"
        )
    titles = [f"level {i}" for i in range(len(table))]
    if isinstance(table, Mapping):
        titles, table = [str(k) for k in table], list(table.values())
    if isinstance(names, Mapping):
        names = [names.get(title) for title in titles]
    arrays = [np.asarray(c) for c in table]
    shapes = [a.shape for a in arrays]
    if (
        not arrays
        or any(a.ndim != 1 for a in arrays)
        or len(set(shapes)) != 1
        or not len(arrays[0])
    ):
        raise ValueError(
            "Label columns must be one-dimensional, of equal length and not empty. "
            f"Received shapes: {shapes}"
        )
    if names is None:
        names = [None] * len(arrays)
    elif len(names) != len(arrays):
        raise ValueError(
            f"`names` must hold one list of names per column. Received {len(names)} lists for "
            f"{len(arrays)} columns."
        )
    ids_and_names = [
        _ids_and_names(a, names[i], titles[i], is_class=i == 0) for i, a in enumerate(arrays)
    ]
    rows = np.stack([ids for ids, _ in ids_and_names], axis=1)
    known = [ns for _, ns in ids_and_names]
    _check_nested(rows, known, titles)
    _, first = np.unique(rows[:, 0], return_index=True)
    rows = rows[first]
    count = Counter(n for ns in known for n in ns)
    shown = [
        [n if i == 0 or (count[n] == 1 and n != root) else f"{titles[i]}: {n}" for n in ns]
        for i, ns in enumerate(known)
    ]
    edges = [(root, n) for n in dict.fromkeys(shown[-1][r] for r in rows[:, -1])]
    for i in range(len(arrays) - 1, 0, -1):
        edges += [(shown[i][r[i]], shown[i - 1][r[i - 1]]) for r in rows]
    return cls(edges, [shown[0][r] for r in rows[:, 0]], name)


def _check_nested(rows: np.ndarray, names: Sequence[Sequence[str]], titles: Sequence[str]) -> None:
    """Check that every label of a column lies in one label of the next coarser column."""
    for i in range(1, rows.shape[1]):
        pairs = np.unique(rows[:, i - 1 : i + 1], axis=0)
        child, times = np.unique(pairs[:, 0], return_counts=True)
        if (times > 1).any():
            bad = child[times > 1][0]
            two = [names[i][p] for p in pairs[pairs[:, 0] == bad, 1][:2]]
            raise ValueError(
                f"{names[i - 1][bad]!r} ({titles[i - 1]}) has two parents in {titles[i]}: "
                f"{two[0]!r} and {two[1]!r}. Columns go from the finest to the coarsest."
            )


def _ids_and_names(
    array: np.ndarray, names: Sequence[str] | None, title: str, is_class: bool
) -> tuple[np.ndarray, list[str]]:
    """Ids 0.. of the values that occur in a column, and the name of every id."""
    if array.dtype.kind == "O":  # as pandas gives strings, and TFDS bytes
        kinds = {type(v) for v in array.tolist()}
        if kinds <= {int} and all(abs(v) < 2**63 for v in array.tolist()):
            array = array.astype(np.int64)
        elif kinds <= {str, bytes}:
            array = np.array([v.decode() if isinstance(v, bytes) else v for v in array.tolist()])
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    if array.dtype.kind == "U":
        found, ids = np.unique(array, return_inverse=True)
        return ids, [check_name(str(n), title) for n in found]
    if array.dtype.kind not in "iu":
        strange = next((v for v in array.tolist() if type(v) not in (int, str)), None)
        raise ValueError(
            f"Labels must be integers or strings. Received: {strange!r} ({array.dtype}) in "
            f"{title!r}"
        )
    if array.min() < 0:
        raise ValueError(f"Labels must not be negative. Received: {array.min()} in {title!r}")
    found, ids = np.unique(array, return_inverse=True)
    size = int(found[-1]) + 1
    if is_class and size > len(found):
        # A few numbers more than there are labels show enough of the gaps, however large they are.
        missing = np.setdiff1d(np.arange(min(size, len(found) + 6)), found)
        raise ValueError(
            f"Integer class labels must use every value from 0 to {size - 1}. "
            f"Missing: {missing[:5].tolist()}{', ...' if len(missing) > 5 else ''}"
        )
    if names is None:
        word = "class " if is_class else f"{title}: "
        return ids, [f"{word}{i}" for i in found]
    if len(names) < size:
        raise ValueError(f"{title!r} has labels up to {size - 1} but only {len(names)} names.")
    texts = [check_name(names[i], f"names[{i}] of {title!r}") for i in found.tolist()]
    twice = next((n for n, times in Counter(texts).items() if times > 1), None)
    if twice is not None:
        raise ValueError(f"Two labels of {title!r} have the same name: {twice!r}.")
    return ids, texts
