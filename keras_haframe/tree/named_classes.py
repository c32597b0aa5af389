"""Classes by the names of nodes above them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keras_haframe.tree.validation import unknown_name

if TYPE_CHECKING:
    from keras_haframe.tree.class_tree import ClassTree


def named_classes(names: list[str], tree: ClassTree) -> np.ndarray:
    """Which classes are named or lie below a named node, bool `[1, K]`.

    Raises:
        ValueError: For unknown names, with the nearest spelling.
    """
    number = {name: i for i, name in enumerate(tree.nodes)}
    wrong = [unknown_name(n, tree.nodes, "node of the tree") for n in names if n not in number]
    if wrong:
        more = f" ({len(wrong) - 5} more.)" if len(wrong) > 5 else ""
        raise ValueError(f"`allowed` must name nodes of the tree. {' '.join(wrong[:5])}{more}")
    nodes = np.array([number[n] for n in names])
    return np.atleast_2d(np.isin(tree.paths, nodes).any(axis=1))
