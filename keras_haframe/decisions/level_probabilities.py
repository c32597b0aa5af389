"""Probabilities of the nodes at one level of the tree."""

from __future__ import annotations

from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_probabilities
from keras_haframe.tree_ops.options import check_level
from keras_haframe.tree_ops.segments import level_sums
from keras_haframe.tree_ops.values import Tensor


def level_probabilities(
    probabilities: Tensor, tree: ClassTree | dict, level: int | None = None
) -> Tensor | list[Tensor]:
    """Probability of every node of one level: the sum over the classes below it.

    A level is a cut through the tree, so its probabilities sum to one. Classes shallower than the
    level stand for themselves, as in `ClassTree.level_labels()`.

    Args:
        probabilities: `[B, K]` class probabilities.
        tree: A `ClassTree`.
        level: Depth of the level, from 1 (children of the root) to `tree.height` (classes), or -1
            for the classes, -2 for their parents and so on. `None` for all levels.

    Returns:
        Tensor `[B, n]`, its columns numbered as `ClassTree.level_labels()[:, -level]`; with
        `level=None` the list of these for levels 1 to `tree.height`, as
        `metrics.FullPathAccuracy` takes it.

    Raises:
        ValueError: If the shape does not fit, rows are no probabilities, or there is no such
            level.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> land, air = level_probabilities([[0.5, 0.25, 0.25, 0.0]], tree, level=1)[0]
    >>> float(land), float(air)
    (0.75, 0.25)
    """
    tree = as_tree(tree)
    p = check_probabilities(probabilities, tree.num_classes)
    if level is None:
        return [level_sums(p, tree, depth) for depth in range(1, tree.height + 1)]
    return level_sums(p, tree, check_level(level, tree.height))
