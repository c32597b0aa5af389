"""A class tree from a file or folder of any kind that `ClassTree` reads."""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Callable
from typing import Any

from keras_haframe.tree.class_tree import ClassTree
from keras_haframe.tree.readers import read_json

FORMATS: dict[str, Callable[..., ClassTree]] = {
    "json": ClassTree.from_json,
    "csv": ClassTree.from_csv,
    "folders": ClassTree.from_folders,
    "inaturalist": ClassTree.from_inaturalist,
    "darwin-core": ClassTree.from_darwin_core,
    "speciesnet": ClassTree.from_speciesnet,
}


def read(path: str | os.PathLike, format: str = "auto", **options: Any) -> ClassTree:
    """Make a tree from a file or folder, with the reader that fits it.

    Args:
        path: A file, or a folder of images.
        format: `"json"`, `"csv"`, `"folders"`, `"inaturalist"`, `"darwin-core"`, `"speciesnet"`; or
            `"auto"`, which looks at the ending and the first line.
        **options: Further arguments of the reader, such as `columns` of `ClassTree.from_csv`.

    Returns:
        A `ClassTree`.

    Raises:
        ValueError: For an unknown format, and as the reader does.
        OSError: If the file cannot be opened.

    Example:

    >>> ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet"]}).to_json("vehicles.json")
    >>> read("vehicles.json").leaves
    ['car', 'truck', 'jet']
    """
    if format == "auto":
        format = find_format(path)
    if format not in FORMATS:
        raise ValueError(f"`format` must be auto, {', '.join(FORMATS)}. Received: {format!r}")
    return FORMATS[format](path, **options)


def find_format(path: str | os.PathLike) -> str:
    """Tell the format of a file by its ending and its first line."""
    path = pathlib.Path(path)
    if path.is_dir():
        return "folders"
    if path.suffix.lower() == ".json":
        content = read_json(path)
        listed = isinstance(content, dict) and isinstance(content.get("categories"), list)
        return "inaturalist" if listed or isinstance(content, list) else "json"
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline(100_000)
    if "taxonID" in first and "parentNameUsageID" in first:
        return "darwin-core"
    return "speciesnet" if re.match(r"[0-9a-f]{8}-[0-9a-f-]{27};([^;]*;){5}", first) else "csv"
