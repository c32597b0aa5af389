"""In which order a label's tree prefers the classes, as ranks without a K x K table."""

from __future__ import annotations

import numpy as np
from keras import ops

from keras_haframe.metrics.base import ranking
from keras_haframe.metrics.rank_profile import rank_profile
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.row_values import row_values
from keras_haframe.tree_ops.values import Tensor


class PreferenceRanks:
    """Rank of every class by its distance to a label: 0 for itself, 1 for the nearest others, ...

    Args:
        tree: A `ClassTree`.
        convention: Distance convention, see `ClassTree.distances`.

    Attributes:
        ranks: int32 `[K, height + 1]`, rank of the classes that part from a label at each depth;
            column 0 has the largest of a label.
        sizes: int64 `[K, R]`, number of classes of every rank.
    """

    def __init__(self, tree: ClassTree, convention: str = "depth"):
        classes = tree.num_classes
        self.paths = tree.paths.astype(np.int32)
        heights, within = rank_profile(tree, convention)
        counts = within - np.concatenate([within[:, 1:], np.zeros_like(within[:, :1])], axis=1)
        self.ranks = np.zeros(heights.shape, np.int32)
        last, reached = np.zeros(classes), np.zeros(classes, np.int32)
        for t in range(heights.shape[1] - 1, -1, -1):  # from the class up to the root
            occurs = (counts[:, t] > 0) & (heights[:, t] > last)
            reached += occurs
            last = np.where(occurs, heights[:, t], last)
            self.ranks[:, t] = reached
        self.sizes = np.zeros((classes, int(reached.max()) + 1), np.int64)
        np.add.at(self.sizes, (np.arange(classes)[:, None], self.ranks), counts)

    def predicted(self, labels: Tensor, scores: Tensor) -> Tensor:
        """Ranks of the classes in the predicted order, int32 `[B, K]`."""
        ranks = row_values(self.paths, self.ranks, labels)
        return ops.take_along_axis(ranks, ranking(scores), axis=1)
