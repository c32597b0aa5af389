"""Probabilities of the nodes at one level of the tree."""

from __future__ import annotations

from keras import ops

from keras_haframe.decisions.roll_up import check_probabilities
from keras_haframe.tree import as_tree


def check_level(level: int, height: int) -> int:
    """Return `level` if it is an integer from 0 to `height - 1`."""
    if isinstance(level, bool) or not isinstance(level, int) or not 0 <= level < height:
        raise ValueError(
            f"`level` must be an integer from 0 (classes) to {height - 1} (children of the root). "
            f"Received: level={level!r}"
        )
    return level


def level_probabilities(probabilities, tree, level: int | None = None):
    """Probability of every node of one level: the sum over the classes below it.

    A level is a cut through the tree, so its probabilities sum to one. Classes shallower than the
    level stand for themselves, as in `ClassTree.level_labels()`.

    Args:
        probabilities: `[B, K]` class probabilities.
        tree: A `ClassTree`.
        level: Column of `ClassTree.level_labels()`: 0 for the classes, `height - 1` for the
            children of the root. `None` for all levels.

    Returns:
        Tensor `[B, n]`, its columns numbered as column `level` of `ClassTree.level_labels()`; with
        `level=None` the list of these for all levels, finest first, as
        `metrics.FullPathAccuracy` takes it.

    Raises:
        ValueError: If the shape does not fit or there is no such level.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> land, air = level_probabilities([[0.5, 0.25, 0.25, 0.0]], tree, level=1)[0]
    >>> float(land), float(air)
    (0.75, 0.25)
    """
    tree = as_tree(tree)
    p = ops.transpose(check_probabilities(probabilities, tree.num_classes))
    labels = tree.level_labels()
    columns = range(tree.height) if level is None else [check_level(level, tree.height)]
    sums = [
        ops.transpose(ops.segment_sum(p, labels[:, c], int(labels[:, c].max()) + 1))
        for c in columns
    ]
    return sums if level is None else sums[0]
