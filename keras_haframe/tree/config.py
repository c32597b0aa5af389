"""Class trees as plain values: edges by name, or for large trees every name once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from keras_haframe.tree.numbering import depths_of
from keras_haframe.tree.validation import check_list, listed

if TYPE_CHECKING:
    from keras_haframe.tree.class_tree import ClassTree

SMALL = 2048  # nodes up to which the edges are written, which people can read


def to_config(tree: ClassTree) -> dict[str, Any]:
    """See `ClassTree.get_config`."""
    if tree.num_nodes <= SMALL:
        edges = [list(e) for e in tree.edges]
        return {"edges": edges, "leaves": list(tree.leaves), "name": tree.name}
    return {
        "nodes": list(tree.nodes),
        "parents": tree.parents[:-1].tolist(),
        "num_classes": tree.num_classes,
        "name": tree.name,
    }


def is_compact(config: Any) -> TypeGuard[Mapping]:
    """Whether a dictionary is the form of large trees."""
    if not isinstance(config, Mapping) or isinstance(config.get("num_classes"), bool):
        return False
    return isinstance(config.get("num_classes"), int) and {"nodes", "parents"} <= set(config)


def classes_of(config: Mapping) -> list[str]:
    """Class names in label order of either form."""
    return config["nodes"][: config["num_classes"]] if is_compact(config) else config["leaves"]


def edges_of(config: Mapping) -> list[tuple[str, str]]:
    """Edges of the form of large trees, in an order that gives its nodes the same numbers.

    Raises:
        ValueError: If names and numbers do not fit together. Whether they are a tree is for
            `ClassTree` to say.
    """
    nodes, count = check_list(config["nodes"], "nodes", "of names"), config["num_classes"]
    parents = check_list(config["parents"], "parents", "of node numbers")
    if len(parents) != len(nodes) - 1 or not 1 < count < len(nodes):
        raise ValueError(
            "A tree needs a parent for every node but the last, the root, and two classes or more. "
            f"Received: {len(nodes)} nodes, {len(parents)} parents, num_classes={count}"
        )
    if set(map(type, parents)) != {int} or not 0 < min(parents) <= max(parents) < len(nodes):
        wrong = [p for p in parents if type(p) is not int or not 0 < p < len(nodes)]
        raise ValueError(
            f"`parents` must be numbers of nodes, 1 to {len(nodes) - 1}. Received: {listed(wrong)}"
        )
    above = np.append(np.array(parents, np.int64), -1)
    depths = depths_of(above)
    if depths is None or (above[:-1] <= np.arange(len(parents))).any():
        raise ValueError("`parents` must be larger numbers than those of the nodes below them.")
    children = np.argsort(depths, kind="stable")[1:]
    return [(nodes[p], nodes[n]) for p, n in zip(above[children].tolist(), children.tolist())]
