"""A large tree in the served graph: a few numbers a node, its names from the asset `tree.json`."""

from __future__ import annotations

import functools
import pathlib

import numpy as np

from keras_haframe.tree import ClassTree
from keras_haframe.tree.config import SMALL
from keras_haframe.tree_ops.values import Tensor


def is_large(tree: ClassTree) -> bool:
    """Whether the graph holds the tree in this form."""
    return tree.num_nodes > SMALL


class NodeNames:
    """Names of nodes by number, read from a large tree's JSON file as the model is loaded.

    The file is an asset anyway, and has a name in each line from the second on.

    Args:
        tree: The class tree.
        file: Where `ClassTree.to_json` wrote it.

    Attributes:
        table: The table, which the saved module must hold.
    """

    def __init__(self, tree: ClassTree, file: pathlib.Path):
        import tensorflow as tf

        lines = tf.lookup.TextFileInitializer(
            str(file),
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            vocab_size=tree.num_nodes + 1,
        )
        self.table = tf.lookup.StaticHashTable(lines, default_value="")

    def __call__(self, nodes: Tensor) -> Tensor:
        """Names of nodes, strings of the same shape; empty for N, which is none."""
        import tensorflow as tf

        quoted = self.table.lookup(tf.cast(nodes, tf.int64) + 1)
        return tf.strings.regex_replace(
            tf.strings.regex_replace(quoted, '^"|",?$', ""), r"\\(.)", r"\1"
        )


class LargeTree:
    """Passes over the tree from the parent, the depth and the range of classes of every node.

    Made while the one function that needs it is traced, so the graph holds them once.

    Args:
        tree: The class tree.
    """

    def __init__(self, tree: ClassTree):
        import tensorflow as tf

        k, (_, start, stop) = tree.num_classes, tree.leaf_ranges
        self.k, self.root, self.height = k, tree.num_nodes - 1, tree.height
        parents = np.append(tree.parents[:-1], self.root)
        self.parents = tf.constant(parents, tf.int32)
        small = tf.int8 if tree.height < 128 else tf.int32
        self.depths = tf.cast(tf.constant(tree.depths, small), tf.int32)
        self.start = tf.constant(start, tf.int32)
        self.stop = tf.concat([self.start[:k] + 1, tf.constant(stop[k:], tf.int32)], 0)
        self.order = tf.math.invert_permutation(self.start[:k])

    def paths(self, classes: Tensor) -> tuple[Tensor, Tensor]:
        """Nodes on the way to classes `[n]`, as `ClassTree.paths`, `[n, H + 1]`, and where real."""
        import tensorflow as tf

        columns, node = [], classes
        for t in range(self.height, -1, -1):
            columns.append(node)
            here = tf.gather(self.depths, node) == t
            node = tf.where(here, tf.gather(self.parents, node), node)
        depth = tf.gather(self.depths, classes)
        return tf.stack(columns[::-1], axis=1), tf.range(self.height + 1) <= depth[:, None]

    def nodes_and_risk(self, probabilities: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities of all nodes `[B, N]`, 1 for the root, and negative risks `[B, K]`.

        The classes below a node stand side by side in tree order, so its probability is a
        difference of running sums; in double precision no digit that counts is lost.
        """
        import tensorflow as tf

        rows = tf.transpose(probabilities)  # a node's numbers side by side: quicker to gather
        sums = tf.cumsum(tf.gather(tf.cast(rows, tf.float64), self.order))
        sums = tf.pad(sums, [[1, 0], [0, 0]])
        below = tf.gather(sums, self.stop[self.k :]) - tf.gather(sums, self.start[self.k :])
        whole = self.stop - self.start == self.k
        nodes = tf.concat([rows, tf.cast(below, tf.float32)], axis=0)
        nodes = tf.where(whole[:, None], 1.0, nodes)
        # As in `decisions.conditional_risk`; repeated places of the paths find a column of zeros.
        inner = tf.range(self.root + 1) >= self.k
        heights = tf.where(inner, self.height - self.depths, 0)
        steps = tf.gather(heights, self.parents) - heights
        steps = tf.concat([steps[:-1], -heights[-1:]], 0)
        gains = tf.pad(nodes * tf.cast(steps, tf.float32)[:, None], [[0, 1], [0, 0]])
        paths, real = self.paths(tf.range(self.k))
        places = tf.unstack(tf.where(real, paths, self.root + 1), axis=1)
        risk = functools.reduce(tf.add, (tf.gather(gains, place) for place in places))
        return tf.transpose(nodes), tf.transpose(risk)

    def listed(self, allowed: Tensor, path: Tensor) -> Tensor:
        """Whether the nodes of paths `[B, H + 1]` hold an allowed class; the root passes."""
        import tensorflow as tf

        # Of classes allowed, before each place in tree order.
        sums = tf.cumsum(tf.cast(tf.gather(allowed, self.order, axis=1), tf.int32), axis=1)
        sums = tf.pad(sums, [[0, 0], [1, 0]]) + tf.zeros_like(path[:, :1])

        def before(ends: Tensor) -> Tensor:
            return tf.gather(sums, tf.gather(ends, path), axis=1, batch_dims=1)

        return (before(self.stop) > before(self.start)) | (path == self.root)
