"""Node probabilities from class probabilities."""

from __future__ import annotations

from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_probabilities
from keras_haframe.tree_ops.segments import node_sums
from keras_haframe.tree_ops.values import Tensor


def roll_up(probabilities: Tensor, tree: ClassTree | dict) -> Tensor:
    """Probability of every node: the sum over the classes below it.

    Args:
        probabilities: `[B, K]` class probabilities.
        tree: A `ClassTree`.

    Returns:
        Tensor `[B, N]` in the order of `tree.nodes`: the classes, inner nodes, the root last.

    Raises:
        ValueError: If the shape does not fit, or rows are no probabilities.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> [float(p) for p in roll_up([[0.5, 0.25, 0.25, 0.0]], tree)[0]]  # then land, air, root
    [0.5, 0.25, 0.25, 0.0, 0.75, 0.25, 1.0]
    """
    tree = as_tree(tree)
    return node_sums(check_probabilities(probabilities, tree.num_classes), tree)
