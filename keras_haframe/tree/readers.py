"""Readers of structures: paths, nested dictionaries, JSON, hypernyms.

Each `from_` function becomes a class method of `ClassTree`, so `cls` is that class.
"""

from __future__ import annotations

import itertools
import json
import os
import pathlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keras_haframe.files import write_text
from keras_haframe.tree import hypernyms
from keras_haframe.tree.config import is_compact
from keras_haframe.tree.prefixes import tree_of_prefixes
from keras_haframe.tree.validation import are_names, check_list, check_name, check_path

if TYPE_CHECKING:
    from keras_haframe.tree.class_tree import ClassTree


def from_paths(
    cls: type[ClassTree],
    paths: Iterable[str | Sequence[str]],
    separator: str = "/",
    root: str = "root",
    name: str | None = None,
) -> ClassTree:
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
    rows: list[tuple[str, ...]] = []
    for i, path in enumerate(check_list(paths, "paths", "with one path per class")):
        if not isinstance(path, (str, tuple, list, Sequence)):  # the quick ones first
            raise ValueError(
                f"Every path must be a string or a sequence of names. Received: paths[{i}]={path!r}"
            )
        parts = path.strip(separator).split(separator) if isinstance(path, str) else path
        rows.append(tuple(parts))
        if not rows[-1]:
            raise ValueError(f"A path must name at least the class. Received: paths[{i}]={path!r}")
    if not are_names(itertools.chain.from_iterable(rows)):
        rows = [tuple(check_name(p, f"paths[{i}]") for p in row) for i, row in enumerate(rows)]
    return tree_of_prefixes(cls, rows, root, name)


DEEPEST = 1_000  # levels of nested dictionaries: paths are written out, so more takes long


def from_nested(
    cls: type[ClassTree], nested: Mapping, root: str = "root", name: str | None = None
) -> ClassTree:
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
    todo: list[tuple[Any, tuple[str, ...]]] = [(nested, ())]
    while todo:
        value, above = todo.pop()
        if len(above) > DEEPEST:
            raise ValueError(
                f"`nested` must be nested at most {DEEPEST} deep. Received: more below "
                f"{'/'.join(above[:3])!r}. Give the edges of such a tree."
            )
        if value is None and above:
            paths.append(above)
        elif above and isinstance(value, (Mapping, list, tuple)) and not value:
            raise ValueError(
                f"Node {above[-1]!r} has no class below it. For a class, write "
                f"{{{above[-1]!r}: None}} or list it under its parent."
            )
        elif isinstance(value, Mapping):
            below = [(inner, (*above, check_name(key, "key"))) for key, inner in value.items()]
            todo += below[::-1]
        elif isinstance(value, (list, tuple)):
            paths.extend((*above, check_name(leaf, f"class below {above!r}")) for leaf in value)
        else:
            raise ValueError(
                "Values of `nested` must be dictionaries, lists of class names, or None. "
                f"Received: {value!r} below {'/'.join(above)!r}"
            )
    return tree_of_prefixes(cls, paths, root, name)


def from_json(
    cls: type[ClassTree], path: str | os.PathLike, root: str = "root", name: str | None = None
) -> ClassTree:
    """Make a tree from a JSON file.

    The file is what `ClassTree.to_json` writes (keys `edges`, and optionally `leaves` and
    `name`; for large trees see `ClassTree.get_config`), or nested objects and lists as in
    `from_nested`.

    Args:
        path: The file, UTF-8.
        root: Name of the root for nested files.
        name: Name of the tree; by default the one in the file, else the file's name.

    Returns:
        A `ClassTree`.

    Raises:
        ValueError: If the file is not JSON, or not of one of these forms.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> tree.to_json("vehicles.json")
    >>> ClassTree.from_json("vehicles.json") == tree
    True
    """
    content = read_json(path)
    stem = pathlib.Path(path).stem
    if is_compact(content):
        return cls.from_config({**content, "name": name or content.get("name") or stem})
    if isinstance(content, Mapping) and isinstance(content.get("edges"), list):
        return cls(content["edges"], content.get("leaves"), name or content.get("name") or stem)
    return from_nested(cls, content, root, name or stem)


def read_json(path: str | os.PathLike) -> Any:
    """Content of a JSON file, UTF-8."""
    with open(check_path(path), encoding="utf-8-sig") as file:
        try:
            return json.load(file, object_pairs_hook=_once)
        except ValueError as error:  # of JSON, or of UTF-8
            raise ValueError(f"{path} is not valid JSON: {error}") from None
        except RecursionError:
            raise ValueError(f"{path} is nested too deeply to be read.") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dictionary; of two equal keys Python would keep the last without a word."""
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = next(k for k, n in Counter(k for k, _ in pairs).items() if n > 1)
        raise ValueError(f"the key {twice!r} occurs twice in one object")
    return made


def write_json(tree: ClassTree, path: str | os.PathLike) -> None:
    """Write `tree` to `path`, whole or not at all."""
    config = tree.get_config()
    if not is_compact(config):
        write_text(path, json.dumps(config, indent=1, ensure_ascii=False))
        return
    # A name in each line from the second on, where a served model reads them, too.
    names = ",\n".join(json.dumps(name, ensure_ascii=False) for name in config.pop("nodes"))
    parents = json.dumps(config.pop("parents"), separators=(",", ":"))
    head = json.dumps(config, ensure_ascii=False)[:-1]
    write_text(path, f'{head}, "nodes": [\n{names}\n], "parents": {parents}}}\n')


def from_wordnet(
    cls: type[ClassTree],
    pairs: str | os.PathLike | Iterable[Sequence[str]],
    leaves: Sequence[str],
    prune: bool = True,
    name: str | None = None,
) -> ClassTree:
    """Make a tree from WordNet hypernym pairs, a graph in which a node may have many parents.

    Of several parents the one nearest to the top is kept (the first listed among equals); only
    nodes above a class stay.

    Args:
        pairs: `(hypernym, hyponym)` pairs, parent first as in ImageNet's `wordnet.is_a.txt`, or
            the path of such a file (two names per line, separated by white space).
        leaves: Class names (WordNet ids) in label order.
        prune: Drop inner nodes (the root included) that have a single child, as in
            tieredImageNet-H.
        name: Name of the tree.

    Returns:
        A `ClassTree`.

    Raises:
        ValueError: For a class that is not in the graph, hypernyms that go in a circle, and all
            that `ClassTree` refuses, such as a class above another class.

    Example:

    >>> pairs = [("thing", "vehicle"), ("thing", "toy"), ("vehicle", "car"), ("toy", "kite"),
    ...          ("vehicle", "jet"), ("toy", "jet"), ("toy", "doll")]
    >>> ClassTree.from_wordnet(pairs, ["car", "jet", "kite"]).path("jet")
    ['thing', 'vehicle', 'jet']
    """
    if isinstance(pairs, (str, os.PathLike)):
        with open(check_path(pairs, "pairs"), encoding="utf-8") as file:
            pairs = [line.split() for line in file if line.strip()]
    if isinstance(leaves, str):
        raise ValueError(f"`leaves` must be a list of class names. Received: {leaves!r}")
    leaves = [check_name(n, f"leaves[{i}]") for i, n in enumerate(leaves)]
    if len(leaves) < 2:
        raise ValueError(f"A tree needs at least two classes. Received: leaves={leaves}")
    pairs = check_list(pairs, "pairs", "of (hypernym, hyponym) pairs")
    edges = hypernyms.tree_edges(pairs, leaves, prune)
    return cls(edges, leaves, name)
