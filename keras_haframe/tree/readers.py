"""Readers: class trees from the forms in which people keep them.

Each function becomes a class method of `ClassTree`, so `cls` is that class.
"""

from __future__ import annotations

import csv
import json
import os
import pathlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from keras_haframe.tree import hypernyms
from keras_haframe.tree.validation import check_name

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm")


def _tree_of_prefixes(cls, paths: Sequence[tuple[str, ...]], root: str, name: str | None):
    """Make the tree in which a node is a path prefix, so equal names in two branches may differ.

    A node is shown by its last part where that is unambiguous (classes first), else by its path.
    """
    if len(set(paths)) < len(paths):
        twice = next(p for p, n in Counter(paths).items() if n > 1)
        raise ValueError(f"Duplicate class: the path {'/'.join(twice)!r} is given more than once.")
    if len(paths) > 1 and all(len(p) > 1 and p[0] == paths[0][0] for p in paths):
        root = paths[0][0]
        paths = [p[1:] for p in paths]
    nodes: dict[tuple[str, ...], None] = {}
    for path in paths:
        for i in range(1, len(path) + 1):
            nodes.setdefault(path[:i])
    leaves = set(paths)
    for path in paths:
        for i in range(1, len(path)):
            if path[:i] in leaves:
                raise ValueError(
                    f"Class {'/'.join(path[:i])!r} is an inner node: {'/'.join(path)!r} lies below "
                    "it. Classes must be leaves."
                )
    leaf_names = Counter(p[-1] for p in paths)
    all_names = Counter(p[-1] for p in nodes)
    shown = {(): root}
    for node in nodes:
        short = leaf_names[node[-1]] == 1 if node in leaves else all_names[node[-1]] == 1
        shown[node] = node[-1] if short and node[-1] != root else "/".join(node)
    edges = [(shown[node[:-1]], shown[node]) for node in nodes]
    return cls(edges, [shown[p] for p in paths], name)


def from_paths(
    cls,
    paths: Iterable[str | Sequence[str]],
    separator: str = "/",
    root: str = "root",
    name: str | None = None,
):
    """Make a tree from one path per class, in label order.

    Args:
        paths: One path per class from the coarsest group to the class: strings such as
            `"air/jet"`, or sequences of names. A node is the whole path to it, so two branches
            may use the same name; a name that is not unique is then shown with its path.
        separator: What separates the parts of a string.
        root: Name of the node above all paths; not used when all paths begin with the same name.
        name: Name of the tree.

    Returns:
        A `ClassTree`.

    Example:

    >>> ClassTree.from_paths(["land/car", "land/truck", "air/jet", "air/glider"]).height
    2
    """
    rows = []
    for i, path in enumerate(paths):
        parts = path.strip(separator).split(separator) if isinstance(path, str) else path
        rows.append(tuple(check_name(p, f"paths[{i}]") for p in parts))
        if not rows[-1]:
            raise ValueError(f"A path must name at least the class. Received: paths[{i}]={path!r}")
    return _tree_of_prefixes(cls, rows, root, name)


def from_nested(cls, nested: Mapping, root: str = "root", name: str | None = None):
    """Make a tree from nested dictionaries; classes in the order in which they are written.

    Args:
        nested: `{group: {...}}`; a group's value is another dictionary, or a list of class names.
            A class may also be a key with the value `None`.
        root: Name of the node above the top-level keys; not used when there is only one.
        name: Name of the tree.

    Returns:
        A `ClassTree`.

    Example:

    >>> ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]}).leaves
    ['car', 'truck', 'jet', 'glider']
    """
    if not isinstance(nested, Mapping):
        raise ValueError(f"`nested` must be a dictionary. Received: {type(nested).__name__}")
    paths: list[tuple[str, ...]] = []

    def walk(value, above: tuple[str, ...]) -> None:
        if isinstance(value, Mapping):
            for key, below in value.items():
                here = (*above, check_name(key, "key"))
                if below is None:
                    paths.append(here)
                elif not below:
                    raise ValueError(
                        f"Node {key!r} has no class below it. For a class, write "
                        f"{{{key!r}: None}} or list it under its parent."
                    )
                else:
                    walk(below, here)
        elif isinstance(value, (list, tuple)):
            paths.extend((*above, check_name(leaf, f"class below {above!r}")) for leaf in value)
        else:
            raise ValueError(
                "Values of `nested` must be dictionaries, lists of class names, or None. "
                f"Received: {value!r} below {'/'.join(above)!r}"
            )

    walk(nested, ())
    return _tree_of_prefixes(cls, paths, root, name)


def from_label_columns(
    cls,
    *columns,
    names: Sequence[Sequence[str]] | None = None,
    root: str = "root",
    name: str | None = None,
):
    """Make a tree from label columns, as data sets with several label levels have them.

    Args:
        *columns: `fine, coarse, ...`: one array per level, finest first, with one entry per
            example or per class; or one sequence, dictionary or `[n, levels]` array holding them.
            Integers must use every label from 0 up; strings are taken in sorted order.
        names: Optional lists of names per column, for integer columns (as in TFDS's
            `ClassLabel.names`).
        root: Name of the root that is put above the coarsest column.
        name: Name of the tree.

    Returns:
        A `ClassTree` whose class `k` is label `k` of the first column.

    Raises:
        ValueError: If a label occurs with two different parents, or integer labels have gaps.

    Example:

    >>> ClassTree.from_label_columns([0, 1, 2, 3], [0, 0, 1, 1]).nodes
    ['class 0', 'class 1', 'class 2', 'class 3', 'level 1: 0', 'level 1: 1', 'root']
    """
    if len(columns) == 1:
        columns = columns[0]
        if isinstance(columns, np.ndarray) and columns.ndim == 2:
            columns = columns.T
    titles = [f"level {i}" for i in range(len(columns))]
    if isinstance(columns, Mapping):
        titles, columns = [str(k) for k in columns], list(columns.values())
    arrays = [np.asarray(c) for c in columns]
    shapes = [a.shape for a in arrays]
    if not arrays or any(a.ndim != 1 for a in arrays) or len(set(shapes)) != 1 or not len(arrays[0]):
        raise ValueError(
            "Label columns must be one-dimensional, of equal length and not empty. "
            f"Received shapes: {shapes}"
        )
    columns_named = [
        _column_names(a, names[i] if names is not None else None, "class" if i == 0 else titles[i])
        for i, a in enumerate(arrays)
    ]
    rows = np.stack([ids for ids, _ in columns_named], axis=1)
    for i in range(1, len(arrays)):
        pairs = np.unique(rows[:, i - 1 : i + 1], axis=0)
        child, times = np.unique(pairs[:, 0], return_counts=True)
        if (times > 1).any():
            bad = child[times > 1][0]
            two = [columns_named[i][1][p] for p in pairs[pairs[:, 0] == bad, 1][:2]]
            raise ValueError(
                f"{columns_named[i - 1][1][bad]!r} ({titles[i - 1]}) has two parents in "
                f"{titles[i]}: {two[0]!r} and {two[1]!r}."
            )
    _, first = np.unique(rows[:, 0], return_index=True)
    rows = rows[first]
    count = Counter(n for i, (_, ns) in enumerate(columns_named) for n in set(ns))
    shown = [
        [n if i == 0 or (count[n] == 1 and n != root) else f"{titles[i]}: {n}" for n in ns]
        for i, (_, ns) in enumerate(columns_named)
    ]
    edges = [(root, n) for n in dict.fromkeys(shown[-1][r] for r in rows[:, -1])]
    for i in range(len(arrays) - 1, 0, -1):
        edges += [(shown[i][r[i]], shown[i - 1][r[i - 1]]) for r in rows]
    return cls(edges, [shown[0][r] for r in rows[:, 0]], name)


def _column_names(array: np.ndarray, names: Sequence[str] | None, title: str):
    """Ids 0.. of a column and the name of every id."""
    if array.dtype.kind in "iu":
        if array.min() < 0:
            raise ValueError(f"Labels must not be negative. Received: {array.min()} in {title!r}")
        size = int(array.max()) + 1
        missing = np.setdiff1d(np.arange(size), array)
        if title == "class" and len(missing):
            raise ValueError(
                f"Integer class labels must use every value from 0 to {size - 1}. "
                f"Missing: {missing[:5].tolist()}"
            )
        if names is not None and len(names) < size:
            raise ValueError(f"{title!r} has labels up to {size - 1} but only {len(names)} names.")
        if names is not None:
            return array.astype(np.int64), [str(n) for n in names[:size]]
        word = "class " if title == "class" else f"{title}: "
        return array.astype(np.int64), [f"{word}{i}" for i in range(size)]
    texts = array.astype(str)
    found, ids = np.unique(texts, return_inverse=True)
    return ids, [check_name(str(n), title) for n in found]


def from_csv(cls, path, root: str = "root", name: str | None = None):
    """Make a tree from a CSV file with a header line.

    With the columns `parent` and `child`, every line is an edge (classes in order of appearance).
    Otherwise every line is one class in label order, and the columns are its levels from the
    finest (the class) to the coarsest, as in `from_label_columns`; blank cells are left out.

    Args:
        path: The file, UTF-8.
        root: Name of the root above the coarsest column.
        name: Name of the tree; the file's name by default.

    Returns:
        A `ClassTree`.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file) if any(row)]
    if len(rows) < 2:
        raise ValueError(f"{path} has no lines below its header.")
    header, rows = [h.lower() for h in rows[0]], rows[1:]
    name = name or pathlib.Path(path).stem
    for i, row in enumerate(rows):
        if len(row) != len(header):
            raise ValueError(
                f"{path}: line {i + 2} has {len(row)} cells, the header {len(header)}: {row}"
            )
    if "parent" in header and "child" in header:
        p, c = header.index("parent"), header.index("child")
        return cls([(row[p], row[c]) for row in rows], None, name)
    return _tree_of_prefixes(cls, [tuple(c for c in row[::-1] if c) for row in rows], root, name)


def from_json(cls, path, root: str = "root", name: str | None = None):
    """Make a tree from a JSON file.

    The file is what `ClassTree.to_json` writes (keys `edges`, and optionally `leaves` and
    `name`), or nested objects and lists as in `from_nested`.

    Args:
        path: The file, UTF-8.
        root: Name of the root for nested files.
        name: Name of the tree; by default the one in the file, else the file's name.

    Returns:
        A `ClassTree`.
    """
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    stem = pathlib.Path(path).stem
    if isinstance(content, Mapping) and isinstance(content.get("edges"), list):
        return cls(content["edges"], content.get("leaves"), name or content.get("name") or stem)
    return from_nested(cls, content, root, name or stem)


def write_json(tree, path) -> None:
    """Write `tree` to `path`, by a temporary file, so that no half-written file stays behind."""
    path = pathlib.Path(path)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(tree.get_config(), indent=1, ensure_ascii=False), "utf-8")
    os.replace(partial, path)


def from_folders(cls, path, root: str = "root", name: str | None = None):
    """Make a tree from a folder tree of images: the folders that hold images are the classes.

    Args:
        path: The top folder. Hidden folders are ignored; classes are in sorted order of their
            path, as in `keras.utils.image_dataset_from_directory`.
        root: Name of the root; not used when there is only one folder at the top.
        name: Name of the tree; the folder's name by default.

    Returns:
        A `ClassTree`.

    Raises:
        ValueError: If a folder holds both images and folders, or neither.
    """
    top = pathlib.Path(path)
    if not top.is_dir():
        raise ValueError(f"`path` must be a folder. Received: {top}")
    paths: list[tuple[str, ...]] = []

    def walk(folder: pathlib.Path, above: tuple[str, ...]) -> None:
        entries = [e for e in sorted(os.scandir(folder), key=lambda e: e.name) if e.name[0] != "."]
        folders = [e.name for e in entries if e.is_dir()]
        image = next((e.name for e in entries if e.name.lower().endswith(IMAGE_SUFFIXES)), None)
        if folders and image:
            raise ValueError(
                f"{folder} holds both images ({image}) and folders ({folders[0]}): a class that "
                "is an inner node. Move its images into a folder of their own."
            )
        if not folders and not image:
            raise ValueError(f"{folder} holds no images {IMAGE_SUFFIXES} and no folders.")
        if not folders:
            paths.append(above)
        for f in folders:
            walk(folder / f, (*above, f))

    walk(top, ())
    if paths == [()]:
        raise ValueError(f"{top} holds images but no class folders.")
    return _tree_of_prefixes(cls, paths, root, name or top.resolve().name)


def from_wordnet(
    cls,
    pairs,
    leaves: Sequence[str],
    prune: bool = True,
    name: str | None = None,
):
    """Make a tree from WordNet hypernym pairs, a graph in which a node may have many parents.

    Of several parents the one nearest to the top is kept (the first listed among equals); only
    nodes above a class stay.

    Args:
        pairs: `(hypernym, hyponym)` pairs, parent first as in ImageNet's `wordnet.is_a.txt`, or
            the path of such a file (two names per line, separated by white space).
        leaves: Class names (WordNet ids) in label order.
        prune: Drop inner nodes with a single child, as in tieredImageNet-H.
        name: Name of the tree.

    Returns:
        A `ClassTree`.
    """
    if isinstance(pairs, (str, os.PathLike)):
        with open(pairs, encoding="utf-8") as file:
            pairs = [line.split() for line in file if line.strip()]
    leaves = [check_name(n, f"leaves[{i}]") for i, n in enumerate(leaves)]
    edges = hypernyms.tree_edges([tuple(p) for p in pairs], leaves, prune)
    return cls(edges, leaves, name)
