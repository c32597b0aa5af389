"""A class tree as CSV of levels, CSV of edges, or Graphviz."""

from __future__ import annotations

import csv
import io
import os
from typing import TYPE_CHECKING

import numpy as np

from keras_haframe.files import write_text

if TYPE_CHECKING:
    from keras_haframe.tree.class_tree import ClassTree


def levels_csv(tree: ClassTree) -> str:
    """One line per class in label order: its path from the root, the class in the last column.

    A class that is not so deep has blank cells before it. `ClassTree.from_csv` reads it back.
    """
    rows = [[f"level_{t}" for t in range(tree.height + 1)]]
    for k in range(tree.num_classes):
        *above, leaf = tree.path(k)
        rows.append([*above, *[""] * (tree.height - len(above)), leaf])
    return _csv(rows)


def edges_csv(tree: ClassTree) -> str:
    """One line per edge, classes last and in label order; `ClassTree.from_csv` reads it back."""
    inner = np.concatenate([nodes[nodes >= tree.num_classes] for nodes in tree.by_depth])
    order = [*inner[1:].tolist(), *range(tree.num_classes)]  # the root is first
    parents = tree.parents.tolist()
    return _csv([["parent", "child"], *([tree.nodes[parents[n]], tree.nodes[n]] for n in order)])


def dot(tree: ClassTree) -> str:
    """Return the tree as a Graphviz digraph, classes as boxes."""

    def quoted(name: str) -> str:
        return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = ["digraph tree {", "  rankdir=LR;", "  node [shape=plain];"]
    lines += [f"  n{n} [label={quoted(name)}];" for n, name in enumerate(tree.nodes)]
    lines += [f"  n{p} -> n{n};" for n, p in enumerate(tree.parents.tolist()) if p >= 0]
    return "\n".join([*lines, "}"]) + "\n"


TEXTS = {"csv": levels_csv, "edges": edges_csv, "dot": dot}


def write(tree: ClassTree, path: str | os.PathLike, format: str) -> None:
    """Write a tree to a file, whole or not at all, as `"json"`, `"csv"`, `"edges"` or `"dot"`."""
    if format == "json":
        tree.to_json(path)
    elif format in TEXTS:
        write_text(path, TEXTS[format](tree))
    else:
        raise ValueError(f"`format` must be json, {', '.join(TEXTS)}. Received: {format!r}")


def _csv(rows: list[list[str]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()
