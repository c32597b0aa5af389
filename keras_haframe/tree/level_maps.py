"""The levels of a class tree as arrays, for heads and losses with one classifier per level."""

from __future__ import annotations

import numpy as np

from keras_haframe.tree.class_tree import ClassTree


class LevelMaps:
    """Levels of a tree, coarsest first, as the methods' papers number them.

    Level `l` (1 to L, the tree's height) holds the nodes at depth `min(l, leaf depth)`: level 1 the
    children of the root, level L the classes. A class shallower than the tree stands for itself on
    the deeper levels. Nodes of a level are numbered by their first appearance in label order.

    Args:
        tree: A `ClassTree`.

    Attributes:
        labels: int32 `[K, L]`, label of every class on every level (column `l - 1` is level `l`).
        sizes: Number of nodes of every level, length L.
        parents: For levels 2 to L, int32 `[sizes[l - 1]]`: number of each node's parent on the
            level above (of a class that stands for itself: the class on that level).
        names: Names of the levels' logits: `"logits_1"`, .., `"logits_{L-1}"`, and `"logits"` for
            the classes.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> LevelMaps(tree).sizes, LevelMaps(tree).parents[0].tolist()
    ([2, 4], [0, 0, 1, 1])
    """

    def __init__(self, tree: ClassTree):
        self.labels = np.ascontiguousarray(tree.level_labels()[:, ::-1]).astype(np.int32)
        self.sizes = [int(column.max()) + 1 for column in self.labels.T]
        self.parents = []
        for upper, lower, size in zip(self.labels.T, self.labels.T[1:], self.sizes[1:]):
            parent = np.empty(size, np.int32)
            parent[lower] = upper
            self.parents.append(parent)
        count = len(self.sizes)
        self.names = [f"logits_{level}" for level in range(1, count)] + ["logits"]

    def __len__(self) -> int:
        return len(self.sizes)
