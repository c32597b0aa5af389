"""From a table of image files with their labels to data sets, tree and file names."""

from __future__ import annotations

import os
import pathlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from keras_haframe.data.image_data import ImageData, image_data, prepared_to
from keras_haframe.data.images import check_policy
from keras_haframe.data.labeled_files import Files, LabeledFiles
from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.data.table_columns import column_of, read_csv
from keras_haframe.files import PathLike
from keras_haframe.tree import ClassTree
from keras_haframe.tree.csv_files import Table
from keras_haframe.tree.level_order import conflict, level_order, order_by_values
from keras_haframe.tree.prefixes import Path, tree_of_prefixes
from keras_haframe.tree.ranks import rank
from keras_haframe.tree.split_folders import SPLIT_FOLDERS


def image_table(
    table: PathLike | Any,
    image: str,
    labels: str | Sequence[str],
    image_size: tuple[int, int] | None = None,
    batch_size: int = 32,
    validation: float = 0.2,
    test: float = 0.0,
    *,
    root: PathLike | None = None,
    split: str | None = None,
    coarse_first: bool | None = None,
    preprocessing: Preprocessing | None = None,
    tree: ClassTree | None = None,
    seed: int = 0,
    on_corrupt: str = "refuse",
) -> ImageData:
    """Read photographs that a table lists, with one label or a label for every level of the tree.

    Args:
        table: A CSV file (separated by commas, semicolons, tabs or bars; UTF-8), a pandas
            `DataFrame`, or anything else with `columns` and `table[name]`; also a dictionary of
            lists.
        image: Column of the files' paths.
        labels: Column of the class, or columns of all levels, coarsest or finest first. Blank cells
            of coarser levels are left out. Classes are in sorted order of their path.
        image_size: As of `image_folder`, as are `batch_size`, `validation`, `test`,
            `preprocessing`, `seed` and `on_corrupt`.
        batch_size: Images per batch.
        validation: Share of every class for validation, where `split` does not name any.
        test: Likewise for the test.
        root: Folder below which the files are; by default that of the CSV file, else the one where
            the program runs.
        split: Column that says `train`, `validation` (or `val`) or `test` of every file.
        coarse_first: Whether `labels` go from the coarsest to the finest; `None` to see by the
            titles, where they are ranks, or the values, as `ClassTree.from_csv` does.
        preprocessing: How images are prepared and augmented.
        tree: A tree whose classes the one column of `labels` names.
        seed: Seed of the division, of the order and of the augmentation.
        on_corrupt: `"refuse"` files that are not there or, when first read, no images; or read all
            now and `"skip"` these.

    Returns:
        `ImageData`, as `image_folder` does.

    Raises:
        ValueError: For columns or files that are not there, a file named twice, a blank class, a
            label that is no class of `tree`, or levels whose order cannot be seen.

    Example:

    ```python
    data = keras_haframe.data.image_table(
        "photos/observations.csv", "file", ["family", "genus", "species"], image_size=(224, 224)
    )
    print(data.tree.render())
    ```
    """
    how = prepared_to(image_size, preprocessing)
    check_policy(on_corrupt)
    levels = [labels] if isinstance(labels, str) else list(labels)
    is_file = isinstance(table, (str, os.PathLike))
    name = pathlib.Path(table).stem if is_file else "table"
    top = pathlib.Path(root if root is not None else os.path.dirname(table) if is_file else "")
    rows = read_csv(table) if is_file else table
    wanted = [image, *levels, *([split] if split else [])]
    columns = {column: column_of(rows, column) for column in wanted}
    files = [str(top / file) if file else "" for file in columns[image]]
    _check_files(files, on_corrupt)
    if tree is None:
        paths = _paths([columns[level] for level in levels], levels, files, coarse_first)
        classes = sorted(set(paths))
        tree = tree_of_prefixes(ClassTree, classes, "root", name)
        label_of = {path: label for label, path in enumerate(classes)}
        numbers = [label_of[path] for path in paths]
    elif len(levels) > 1:
        raise ValueError(f"With `tree`, `labels` must be the class alone. Received: {levels}")
    else:
        numbers = _labels_in(tree, columns[levels[0]])
    parts: dict[str, Files] = {"train": []}
    for i, (file, label) in enumerate(zip(files, numbers, strict=True)):
        parts.setdefault(_split(columns[split][i], split) if split else "train", []).append(
            (file, label)
        )
    shares = {"validation": validation, "test": test}
    found = LabeledFiles(tree, parts)
    return image_data(found, how, batch_size, shares, seed, on_corrupt, name)


def _check_files(files: list[str], on_corrupt: str) -> None:
    if not files:
        raise ValueError("The table has no rows.")
    blank = next((i for i, file in enumerate(files) if not file), None)
    if blank is not None:
        raise ValueError(f"Row {blank} of the table, from 0, names no file.")
    twice = [file for file, count in Counter(files).items() if count > 1]
    if twice:
        raise ValueError(
            f"{len(twice)} files are in the table more than once; an image has one class and is in "
            f"one split. First: {twice[0]}"
        )
    missing = [file for file in files if not os.path.isfile(file)]
    if missing and (on_corrupt == "refuse" or len(missing) == len(files)):
        raise ValueError(
            f"{len(missing)} of {len(files)} files are not there, {missing[0]} first. Say with "
            "`root` below which folder they are, or leave them out with on_corrupt='skip'."
        )


def _paths(
    columns: list[list[str]], titles: list[str], files: list[str], coarse_first: bool | None
) -> list[Path]:
    """Path of every row from the coarsest level to the class."""
    order = list(range(len(titles)))
    if coarse_first is None and len(order) > 1:
        rows = [list(row) for row in zip(*columns)]
        how = "labels={}, coarse_first=True"
        table = Table("The table", titles, rows, list(range(len(rows))), how=how)
        ranks = all(rank(title) is not None for title in titles)
        order = level_order(table, order)[0] if ranks else order_by_values(table, order)
        if twice := conflict(table, order):
            raise ValueError(
                f"The levels {titles} are no tree: {twice}. If different groups may have parts of "
                f"one name, say {table.argument(order)}."
            )
    elif coarse_first is False:
        order = order[::-1]
    blank = next((i for i, cell in enumerate(columns[order[-1]]) if not cell), None)
    if blank is not None:
        raise ValueError(f"{files[blank]} has no class: its {titles[order[-1]]!r} is blank.")
    return [tuple(row[c] for c in order if row[c]) for row in zip(*columns)]


def _labels_in(tree: ClassTree, names: list[str]) -> list[int]:
    known = {name: tree.index(name) for name in dict.fromkeys(names)}
    inner = [name for name, label in known.items() if label >= tree.num_classes]
    if inner:
        raise ValueError(f"Labels must be classes of `tree`. Received a group of it: {inner[0]!r}")
    return [known[name] for name in names]


def _split(value: str, column: str) -> str:
    if value.lower() not in SPLIT_FOLDERS:
        raise ValueError(
            f"Column {column!r} must be one of {tuple(SPLIT_FOLDERS)}. Received: {value!r}"
        )
    return SPLIT_FOLDERS[value.lower()]
