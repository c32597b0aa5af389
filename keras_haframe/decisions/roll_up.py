"""Node probabilities from class probabilities."""

from __future__ import annotations

from keras import ops

from keras_haframe.decisions.inputs import full_precision
from keras_haframe.tree import as_tree
from keras_haframe.tree_ops.segments import up_the_tree


def check_probabilities(probabilities, num_classes: int):
    """Return `probabilities` as a float tensor `[B, K]` after checking its shape.

    Integers (one-hot rows) and half precision become float32: sums over many classes need digits.
    """
    p = ops.convert_to_tensor(probabilities)
    if len(p.shape) != 2 or p.shape[-1] != num_classes:
        raise ValueError(
            f"`probabilities` must have shape [batch, {num_classes}], one per class. "
            f"Received shape: {tuple(p.shape)}"
        )
    return full_precision(p)


def roll_up(probabilities, tree):
    """Probability of every node: the sum over the classes below it.

    Args:
        probabilities: `[B, K]` class probabilities.
        tree: A `ClassTree`.

    Returns:
        Tensor `[B, N]` in the order of `tree.nodes`: the classes, inner nodes, the root last.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> [float(p) for p in roll_up([[0.5, 0.25, 0.25, 0.0]], tree)[0]]  # then land, air, root
    [0.5, 0.25, 0.25, 0.0, 0.75, 0.25, 1.0]
    """
    tree = as_tree(tree)
    p = ops.transpose(check_probabilities(probabilities, tree.num_classes))
    return ops.transpose(up_the_tree(p, tree, ops.segment_sum))
