"""`ClassTree`: a rooted tree whose leaves are the classes, in label order."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from keras_haframe.tree import (
    arrays,
    diff,
    edit,
    folder_tree,
    html,
    label_columns,
    numbering,
    readers,
    tables,
    taxonomies,
    text,
    validation,
)
from keras_haframe.tree.config import classes_of, edges_of, is_compact, to_config


class ClassTree:
    """A rooted tree with the classes as its leaves.

    Nodes are numbered classes first (node `k` is class `k`, for `k < num_classes`), then inner
    nodes from the deepest to the root, so every parent has a larger number than its children and
    the root is the last node. Inner nodes with a single child are kept: they count as levels.

    Args:
        edges: Iterable of `(parent, child)` pairs of node names. Repeated pairs are harmless.
        leaves: Class names in label order. `None` takes the childless nodes in the order in which
            the edges first name them.
        name: Optional name of the tree, shown in summaries and kept in files.

    Attributes:
        leaves: List of K class names in label order.
        nodes: List of N node names: the K classes, then inner nodes, the root last.
        root: Name of the root.
        num_classes, num_nodes: K and N.
        height: Number of edges from the root to the deepest class.
        parents: int64 `[N]`, number of each node's parent, -1 for the root.
        depths: int64 `[N]`, number of edges from the root.
        source: What a reader understood of its file, in words; `None` for other trees. Not saved.

    Raises:
        ValueError: For a cycle, several roots, a node with two parents, a duplicate class, a class
            that is an inner node or not in the tree, an inner node without any class below it,
            fewer than two classes, or names that are not non-empty strings. The message names the
            culprit.

    Example:

    >>> tree = ClassTree([("vehicle", "land"), ("vehicle", "air"), ("land", "car"),
    ...                   ("land", "truck"), ("air", "jet"), ("air", "glider")])
    >>> tree.leaves
    ['car', 'truck', 'jet', 'glider']
    >>> tree.distances()[0]
    array([0, 1, 2, 2], dtype=int16)
    """

    def __init__(
        self,
        edges: Iterable[Sequence[str]],
        leaves: Sequence[str] | None = None,
        name: str | None = None,
    ):
        if name is not None and not isinstance(name, str):
            raise ValueError(f"`name` must be a string or None. Received: name={name!r}")
        self.name = None if name is None else validation.check_name(name, "name")
        self.source: str | None = None
        found = numbering.number(edges, leaves)
        self.nodes, self.num_classes = found.nodes, found.num_classes
        self.parents, self.depths, self._order = found.parents, found.depths, found.order
        self.leaves = self.nodes[: self.num_classes]
        self.root = self.nodes[-1]
        self.num_nodes = len(self.nodes)
        self.height = int(self.depths[: self.num_classes].max())

    # Readers ---------------------------------------------------------------------------------

    from_paths = classmethod(readers.from_paths)
    from_nested = classmethod(readers.from_nested)
    from_csv = classmethod(tables.from_csv)
    from_json = classmethod(readers.from_json)
    from_table = classmethod(tables.from_table)
    from_label_columns = classmethod(label_columns.from_label_columns)
    from_folders = classmethod(folder_tree.from_folders)
    from_wordnet = classmethod(readers.from_wordnet)
    from_inaturalist = classmethod(taxonomies.from_inaturalist)
    from_darwin_core = classmethod(taxonomies.from_darwin_core)
    from_speciesnet = classmethod(taxonomies.from_speciesnet)

    def to_json(self, path: str | os.PathLike) -> None:
        """Write the tree to `path` as JSON (read back by `ClassTree.from_json`)."""
        readers.write_json(self, path)

    def get_config(self) -> dict:
        """Return plain lists and strings from which `from_config` makes an equal tree.

        `edges`, `leaves` and `name`, the arguments. A tree of more than 2,048 nodes has `nodes`,
        the number of every node's parent (but the root's) as `parents`, `num_classes` and `name`:
        every name once.
        """
        return to_config(self)

    @classmethod
    def from_config(cls, config: Mapping) -> ClassTree:
        """Make the tree that `get_config` described."""
        if is_compact(config):
            return cls(edges_of(config), classes_of(config), config.get("name"))
        return cls(config["edges"], config["leaves"], config.get("name"))

    @property
    def edges(self) -> list[tuple[str, str]]:
        """`(parent, child)` names, once each, in the order in which they were given."""
        parents = self.parents[self._order].tolist()
        return [(self.nodes[p], self.nodes[n]) for p, n in zip(parents, self._order.tolist())]

    @functools.cached_property
    def _index(self) -> dict[str, int]:
        return dict(zip(self.nodes, range(self.num_nodes)))

    # Looking up ------------------------------------------------------------------------------

    def index(self, node: str) -> int:
        """Return a node's number: its class label for a leaf, `num_classes` or more otherwise."""
        if not isinstance(node, str) or node not in self._index:
            raise ValueError(validation.unknown_name(node, self._index, "node of this tree"))
        return self._index[node]

    label_of_file = folder_tree.label_of_file

    @functools.cached_property
    def labels_by_folder(self) -> dict[str, list[int]]:
        """Labels of the classes that a folder's name may mean; `label_of_file` reads it."""
        return folder_tree.labels_by_folder(self)

    def path(self, node: int | str) -> list[str]:
        """Names from the root down to `node` (a class label, node number or name)."""
        number = isinstance(node, (int, np.integer)) and not isinstance(node, bool)
        i = self.index(node) if isinstance(node, str) else int(node) if number else -1
        if not 0 <= i < self.num_nodes:
            raise ValueError(
                f"`node` must be a node name or a number from 0 to {self.num_nodes - 1}. "
                f"Received: {node!r}"
            )
        names = []
        while i >= 0:
            names.append(self.nodes[i])
            i = int(self.parents[i])
        return names[::-1]

    # Arrays ----------------------------------------------------------------------------------

    @functools.cached_property
    def by_depth(self) -> list[np.ndarray]:
        """Node numbers of every depth, the root's first, rising within a depth."""
        return arrays.levels(self.depths)

    @functools.cached_property
    def paths(self) -> np.ndarray:
        """int64 `[K, height + 1]`: node at depth `min(t, leaf depth)` above each class.

        Column 0 is the root, the last column the class itself; a class shallower than the tree
        stands for itself on the deeper levels.
        """
        return arrays.paths(self)

    def level_labels(self) -> np.ndarray:
        """Labels of every class at every level, finest first: level `n` is column `-n`.

        Returns:
            int64 `[K, height]`. Column `c` numbers the ancestors at depth
            `min(height - c, leaf depth)` by their first appearance in label order, so column 0 is
            the class itself and the last column the children of the root.
        """
        return arrays.level_labels(self)

    @functools.cached_property
    def ancestors(self) -> np.ndarray:
        """Table `[N, K]`, bool: node is an ancestor of the class, or the class itself.

        Takes N x K bytes; for very many classes use `paths`, which holds the same facts.
        """
        table = np.zeros((self.num_nodes, self.num_classes), bool)
        table[self.paths.T, np.arange(self.num_classes)] = True
        return table

    @functools.cached_property
    def leaf_ranges(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tree order of the classes and the range of it that each node covers.

        Returns:
            `(order, start, stop)`: `order` `[K]` lists the classes as a depth-first walk meets
            them; the classes below node `n` are `order[start[n]:stop[n]]`.
        """
        return arrays.leaf_ranges(self)

    def node_heights(self, convention: str = "depth") -> np.ndarray:
        """Height of every node: the distance of two classes is the height of their LCA.

        Args:
            convention: `"depth"`: `height - depth(node)` for inner nodes, 0 for classes, as in the
                papers' distance files (every class is thought of as pushed down to the deepest
                level). `"subtree"`: longest path from the node down to a class below it. The two
                agree when all classes have the same depth.

        Returns:
            int64 `[N]`.
        """
        return arrays.node_heights(self, convention)

    def distances(self, convention: str = "depth") -> np.ndarray:
        """Hierarchical distance of every pair of classes, the height of their LCA.

        Args:
            convention: See `node_heights`. The default is the one of the papers' files.

        Returns:
            int16 `[K, K]` (int32 for a tree higher than int16 counts), symmetric, zero on the
            diagonal.

        Reference: Bertinetto et al., Making Better Mistakes (CVPR 2020), section 3; Liang and
        Davis, HAFrame (ICCV 2023), section 3.
        """
        small = self.height <= np.iinfo(np.int16).max
        heights = self.node_heights(convention)
        return self.lca_table(heights.astype(np.int16 if small else np.int32))

    def lca_table(self, values: np.ndarray) -> np.ndarray:
        """Value of the LCA of every pair of classes.

        Args:
            values: `[N]`, one value per node.

        Returns:
            `[K, K]` of the same dtype; entry `i, j` is `values[LCA(i, j)]`, and `values[i]` for
            `i == j`.
        """
        return arrays.lca_table(self, values)

    # New trees -------------------------------------------------------------------------------

    prune_chains = edit.prune_chains
    subtree = edit.subtree
    keep = edit.keep
    reorder = edit.reorder
    merge = edit.merge
    diff = diff.diff

    # Showing ---------------------------------------------------------------------------------

    def render(self, max_lines: int = 60) -> str:
        """Return the tree as indented text, at most `max_lines` lines long."""
        return text.render(self, max_lines)

    def _repr_html_(self) -> str:
        return html.to_html(self)

    def __str__(self) -> str:
        return text.summary(self)

    def __repr__(self) -> str:
        return (
            f"ClassTree(name={self.name!r}, num_classes={self.num_classes}, "
            f"num_nodes={self.num_nodes}, height={self.height})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClassTree):
            return NotImplemented
        return self.nodes == other.nodes and np.array_equal(self.parents, other.parents)

    def __hash__(self) -> int:
        return hash((tuple(self.nodes), self.parents.tobytes()))


def as_tree(tree: ClassTree | Mapping) -> ClassTree:
    """Return `tree` as a `ClassTree`: one already, or the dictionary of its `get_config`."""
    if isinstance(tree, ClassTree):
        return tree
    if isinstance(tree, Mapping) and ({"edges", "leaves"} <= set(tree) or is_compact(tree)):
        return ClassTree.from_config(tree)
    raise ValueError(
        "`tree` must be a keras_haframe.ClassTree. Make one with ClassTree(edges, leaves), "
        f"ClassTree.from_nested({{...}}) or another reader. Received: {type(tree).__name__}"
    )
