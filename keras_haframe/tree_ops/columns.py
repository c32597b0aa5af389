"""Tables of scores whose columns are named: matched with the classes by name, not by place."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from keras_haframe.tree import ClassTree
from keras_haframe.tree.validation import listed, unknown_name


def column_names(values: Any) -> list | None:
    """Names of the columns of a DataFrame (pandas, polars) or Arrow table; `None` for others."""
    for attribute in ("column_names", "columns"):
        names = getattr(values, attribute, None)
        if names is not None and not callable(names):
            return list(names)
    return None


def is_numbered(names: list) -> bool:
    """Whether columns are numbered 0 to n - 1 in any order, as without a header."""
    whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in names)
    return whole and sorted(int(n) for n in names) == list(range(len(names)))


def class_columns(names: list, tree: ClassTree, source: str = "the table") -> list[int]:
    """Position of every class's column, `[K]`; columns of other names are left out.

    Args:
        names: Names of the columns, texts, or the numbers 0 to K - 1.
        tree: A `ClassTree`.
        source: Where they are from, for the message.

    Raises:
        ValueError: For a class without a column or with two; the message names them and what is
            spelled alike.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> class_columns(["file", "glider", "jet", "truck", "car"], tree)
    [4, 3, 2, 1]
    """
    if is_numbered(names):
        if len(names) != tree.num_classes:
            raise ValueError(
                f"There must be one column per class of the tree, {tree.num_classes}. Received: "
                f"{len(names)} numbered columns in {source}"
            )
        return [int(i) for i in np.argsort([int(n) for n in names])]
    texts = [str(n).strip() for n in names]
    place = {name: i for i, name in enumerate(texts)}
    missing = [name for name in tree.leaves if name not in place]
    if missing:
        known = set(tree.leaves)
        strange = [name for name in texts if name not in known]
        raise ValueError(
            f"Every class of the tree needs a column of its name. Received: {source} without "
            f"{listed(missing)}. {_other_columns(strange, missing)}"
        )
    counts = Counter(texts)
    twice = [name for name in tree.leaves if counts[name] > 1]
    if twice:
        raise ValueError(f"Columns must have different names. Received: {listed(twice)} twice.")
    return [place[name] for name in tree.leaves]


def _other_columns(strange: list[str], missing: list[str]) -> str:
    if not strange:
        return "All its columns are classes: the tree has more classes than the table."
    hints = [unknown_name(name, missing, "class of the tree") for name in strange[:5]]
    return " ".join(hints) + (f" ({len(strange) - 5} more.)" if len(strange) > 5 else "")


def to_array(table: Any) -> np.ndarray:
    """NumPy array of a DataFrame (pandas, polars) or of an Arrow table."""
    if hasattr(table, "to_numpy"):
        return np.asarray(table.to_numpy())
    return np.column_stack([np.asarray(column) for column in table.columns])


def in_class_order(values: Any, tree: ClassTree, what: str = "the table") -> Any:
    """Columns of a DataFrame in the order of `tree.leaves` as an array; anything else as it is.

    Args:
        values: Scores or probabilities `[n, K]`: a DataFrame, an array or a tensor.
        tree: A `ClassTree`.
        what: What to call it in an error.

    Raises:
        ValueError: If the columns are not just the classes.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> in_class_order([[1.0, 2.0, 3.0, 4.0]], tree)
    [[1.0, 2.0, 3.0, 4.0]]
    """
    names = column_names(values)
    if names is None:
        return values
    order = class_columns(names, tree, what)
    if len(names) > len(order):
        own = set(order)
        extra = [str(n) for i, n in enumerate(names) if i not in own]
        raise ValueError(
            f"Columns must be the classes of the tree and no others. Received: {listed(extra)} in "
            f"{what}. Drop them."
        )
    return to_array(values)[:, order]
