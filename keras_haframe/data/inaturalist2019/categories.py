"""Reads the category and annotation files of iNaturalist 2019 and 2021."""

from __future__ import annotations

import json
import pathlib
import tarfile
from collections.abc import Mapping, Sequence
from typing import Any

from keras_haframe.tree import ClassTree

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "name")


def read_json(path: pathlib.Path) -> Any:
    """Content of a `.json` file, or of the one JSON file in a `.tar.gz` archive."""
    path = pathlib.Path(path)
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    if not packed:
        return json.loads(path.read_text(encoding="utf-8"))
    with tarfile.open(path, "r:gz") as archive:
        members = [m for m in archive.getmembers() if m.isfile() and m.name.endswith(".json")]
        if len(members) != 1:
            raise ValueError(
                f"{path} must hold one JSON file. Received: {[m.name for m in members]}"
            )
        return json.load(archive.extractfile(members[0]))  # type: ignore[arg-type]


def category_tree(
    categories: Sequence[Mapping[str, Any]] | dict[str, Any], name: str = "inaturalist2019"
) -> tuple[ClassTree, dict[int, str]]:
    """Tree of the ranks, and the class name of every category number.

    Args:
        categories: List of the category file (or the object that holds it as `categories`):
            `id`, `name` (the species) and the ranks kingdom to genus.
        name: Name of the tree.

    Returns:
        `(tree, names)`. Classes are in the order of their numbers.

    Raises:
        ValueError: If a category lacks a rank.

    Example:

    >>> birds = {"kingdom": "Animalia", "phylum": "Chordata", "class": "Aves",
    ...          "order": "Charadriiformes", "family": "Laridae", "genus": "Larus"}
    >>> tree, names = category_tree([{"id": 0, "name": "Larus argentatus", **birds},
    ...                              {"id": 1, "name": "Larus canus", **birds}])
    >>> names[1], tree.leaves
    ('Larus canus', ['Larus argentatus', 'Larus canus'])
    """
    rows = categories["categories"] if isinstance(categories, dict) else categories
    for row in rows:
        lacking = [key for key in ("id", *RANKS) if row.get(key) in (None, "")]
        if lacking:
            raise ValueError(
                f"Every category must have {', '.join(('id', *RANKS))}. Category {row} lacks "
                f"{lacking[0]!r}: is this the file with the names of August 2019?"
            )
    rows = sorted(rows, key=lambda row: row["id"])
    paths = [("life", *(row[rank] for rank in RANKS)) for row in rows]
    tree = ClassTree.from_paths(paths, root="life", name=name)
    return tree, {row["id"]: leaf for row, leaf in zip(rows, tree.leaves)}


def labeled_images(annotations: Mapping[str, Any]) -> dict[str, int]:
    """Category number of every image's file name, from an annotation file's content."""
    names = {image["id"]: image["file_name"] for image in annotations["images"]}
    return {names[a["image_id"]]: a["category_id"] for a in annotations["annotations"]}
