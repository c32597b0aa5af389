"""Readers of the files in which biology keeps its tree: iNaturalist, Darwin Core, SpeciesNet.

Each public function becomes a class method of `ClassTree`, so `cls` is that class.
"""

from __future__ import annotations

import itertools
import os
import pathlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from keras_haframe.tree import darwin_core
from keras_haframe.tree.csv_files import read_table, read_text
from keras_haframe.tree.prefixes import tree_of_prefixes
from keras_haframe.tree.readers import read_json
from keras_haframe.tree.validation import check_name, check_path

if TYPE_CHECKING:
    from keras_haframe.tree.class_tree import ClassTree

MAIN_RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")
SPECIESNET = ("uuid", "class", "order", "family", "genus", "species", "common name")


def from_inaturalist(
    cls: type[ClassTree],
    path: str | os.PathLike,
    root: str = "life",
    name: str | None = None,
) -> ClassTree:
    """Make a tree from the categories of an iNaturalist competition (2017 to 2021).

    Args:
        path: `categories.json`, an annotation file such as `train2019.json` (its list
            `categories`), or `categories.csv`: `id`, `name` (the species) and the ranks from
            `kingdom` to `genus`, or at least `supercategory`, as in 2017.
        root: Name of the node above the kingdoms; not used where there is only one.
        name: Name of the tree; the file's name by default.

    Returns:
        A `ClassTree` with the classes in the order of their `id`.

    Raises:
        ValueError: If a category lacks its id, name or a rank that others have, or an id repeats.

    Example:

    >>> gulls = {"kingdom": "Animalia", "phylum": "Chordata", "class": "Aves",
    ...          "order": "Charadriiformes", "family": "Laridae", "genus": "Larus"}
    >>> with open("categories.json", "w") as file:
    ...     json.dump([{"id": 1, "name": "Larus canus", **gulls},
    ...                {"id": 0, "name": "Larus fuscus", **gulls}], file)
    >>> ClassTree.from_inaturalist("categories.json").leaves
    ['Larus fuscus', 'Larus canus']
    """
    if check_path(path).suffix.lower() == ".json":
        content = read_json(path)
        categories = content.get("categories") if isinstance(content, dict) else content
    else:
        table = read_table(path, header=True)
        categories = [dict(zip(table.header or (), row)) for row in table.rows]
    if not isinstance(categories, list) or not all(isinstance(c, dict) for c in categories):
        raise ValueError(f"{path} holds no list of categories.")
    filled = [{k: v for k, v in c.items() if v not in (None, "")} for c in categories]
    ranks = [r for r in MAIN_RANKS if any(r in c for c in filled)] or ["supercategory"]
    for category in filled:
        lacking = [key for key in ("id", *ranks, "name") if key not in category]
        if lacking or not str(category["id"]).isdecimal():
            raise ValueError(
                f"{path}: every category must have a whole-number id, a name and "
                f"{', '.join(ranks)}. Received: {category}"
            )
    filled.sort(key=lambda c: int(c["id"]))
    twice = next((a["id"] for a, b in itertools.pairwise(filled) if a["id"] == b["id"]), None)
    if twice is not None:
        raise ValueError(f"{path}: two categories have the id {twice}.")
    paths = [
        tuple(check_name(c[key], f"{key} of category {c['id']}") for key in (*ranks, "name"))
        for c in filled
    ]
    tree = tree_of_prefixes(cls, paths, root, name or pathlib.Path(path).stem)
    tree.source = f"{path}: iNaturalist categories, levels {' > '.join((*ranks, 'name'))}"
    return tree


def from_darwin_core(
    cls: type[ClassTree],
    path: str | os.PathLike,
    taxa: Sequence[str | int] | None = None,
    root: str = "life",
    name: str | None = None,
) -> ClassTree:
    """Make a tree from a Darwin Core table of taxa, such as `Taxon.tsv` of the GBIF backbone.

    Only what lies above the classes is kept, so a few species of the whole backbone (gigabytes) are
    read in its one pass, or a few more where a parent is no genus or higher.

    Args:
        path: The table, tabs or commas, with `taxonID`, `parentNameUsageID`, `scientificName` and,
            where they are there, `canonicalName` (then the name used), `taxonRank`,
            `taxonomicStatus`, `acceptedNameUsageID`.
        taxa: Names (canonical or scientific) or taxon ids of the classes in label order. `None`
            takes all accepted taxa without a child, in the order of the file.
        root: Name of the node above the kingdoms; not used where there is only one.
        name: Name of the tree; the file's name by default.

    Returns:
        A `ClassTree`.

    Raises:
        ValueError: For a taxon that is not there, a name that several accepted taxa or only a
            synonym have, a parent that is not in the file or lies below its own child.

    Example:

    >>> lines = ["1,,Animalia,kingdom", "2,1,Larus,genus", "3,2,Larus canus,species",
    ...          "4,2,Larus fuscus,species", "5,1,Bubo bubo,species"]
    >>> with open("taxon.csv", "w") as file:
    ...     print("taxonID,parentNameUsageID,scientificName,taxonRank", *lines, sep=os.linesep,
    ...           file=file)
    >>> ClassTree.from_darwin_core("taxon.csv", ["Bubo bubo", 4, "Larus canus"]).path("Larus canus")
    ['Animalia', 'Larus', 'Larus canus']
    """
    if isinstance(taxa, (str, bytes)):
        raise ValueError(f"`taxa` must be a list of names or taxon ids. Received: {taxa!r}")
    paths = darwin_core.paths(path, None if taxa is None else list(map(str, taxa)))
    tree = tree_of_prefixes(cls, paths, root, name or pathlib.Path(path).stem)
    tree.source = f"{path}: Darwin Core taxa, {len(paths)} of them as classes"
    return tree


def from_speciesnet(
    cls: type[ClassTree],
    path: str | os.PathLike,
    root: str = "life",
    name: str | None = None,
) -> ClassTree:
    """Make a tree from a label file of SpeciesNet, one label a line.

    A line is `uuid;class;order;family;genus;species;common name` with blanks where a label names
    no species (`...;mammalia;carnivora;felidae;;;cat family`, `...;;;;;;vehicle`). Every label is
    a class below the deepest group that it names; so "cat family" lies in felidae, beside its
    genera. Classes are called by their common name, by genus and species where there is none or it
    repeats.

    Args:
        path: The file.
        root: Name of the node above all.
        name: Name of the tree; the file's name by default.

    Returns:
        A `ClassTree` with the classes in the order of the lines, the outputs of the network.

    Raises:
        ValueError: For a line with other than seven parts, or two equal labels.

    Example:

    >>> with open("labels.txt", "w") as file:
    ...     print("1;mammalia;carnivora;felidae;panthera;leo;lion",
    ...           "2;mammalia;carnivora;felidae;;;cat family", "3;;;;;;vehicle", sep=os.linesep,
    ...           file=file)
    >>> ClassTree.from_speciesnet("labels.txt").path("cat family")
    ['life', 'mammalia', 'carnivora', 'felidae', 'cat family']
    """
    rows = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if line.strip():
            rows.append([part.strip() for part in line.split(";")])
            if len(rows[-1]) != len(SPECIESNET):
                raise ValueError(
                    f"{path}: line {number} must be {';'.join(SPECIESNET)}. Received: {line!r}"
                )
    common = Counter(row[-1] for row in rows)
    paths = []
    for uuid, *groups, species, called in rows:
        binomial = f"{groups[-1]} {species}".strip() if species else ""
        label = called if called and common[called] == 1 else binomial or called or uuid
        paths.append((*(group for group in groups if group), check_name(label, uuid)))
    tree = tree_of_prefixes(cls, paths, root, name or pathlib.Path(path).stem)
    tree.source = f"{path}: SpeciesNet labels, levels {' > '.join(SPECIESNET[1:5])} > label"
    return tree
