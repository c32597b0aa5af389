"""Distances of pairs of classes without a K x K table."""

from __future__ import annotations

import numpy as np
from keras import ops

from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.held import held
from keras_haframe.tree_ops.values import Tensor


class PairDistances:
    """Distances of pairs of classes, read off the K x (height + 1) table of root-to-class paths.

    Args:
        tree: A `ClassTree`.
        convention: Distance convention, see `ClassTree.distances`.
    """

    def __init__(self, tree: ClassTree, convention: str = "depth"):
        self.paths = tree.paths.astype(np.int32)
        self.heights = tree.node_heights(convention).astype(np.float32)

    def __call__(self, labels: Tensor, classes: Tensor) -> Tensor:
        """Float32 distances `[B, k]` of int labels `[B]` to int classes `[B, k]`."""
        paths = held(self.paths)
        own = ops.take(paths, labels, axis=0)
        common = ops.cast(own[:, None, :] == ops.take(paths, classes, axis=0), "int32")
        # Paths that part never meet again, so the number of equal nodes says where they part.
        depth = ops.sum(common, axis=-1) - 1
        lca = ops.take_along_axis(own, depth, axis=1)
        return ops.take(held(self.heights), lca, axis=0)
