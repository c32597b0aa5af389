"""Node probabilities from class probabilities."""

from __future__ import annotations

import numpy as np
from keras import ops

from keras_haframe.frames.node_weights import levels
from keras_haframe.tree import as_tree


def check_probabilities(probabilities, num_classes: int):
    """Return `probabilities` as a float tensor `[B, K]` after checking its shape."""
    p = ops.convert_to_tensor(probabilities)
    if len(p.shape) != 2 or p.shape[-1] != num_classes:
        raise ValueError(
            f"`probabilities` must have shape [batch, {num_classes}], one per class. "
            f"Received shape: {tuple(p.shape)}"
        )
    return p


def roll_up(probabilities, tree):
    """Probability of every node: the sum over the classes below it.

    Args:
        probabilities: `[B, K]` class probabilities.
        tree: A `ClassTree`.

    Returns:
        Tensor `[B, N]` in the order of `tree.nodes`: the classes, inner nodes, the root last.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> roll_up([[0.5, 0.25, 0.25, 0.0]], tree)   # ... land 0.75, air 0.25, root 1
    """
    tree = as_tree(tree)
    p = ops.transpose(check_probabilities(probabilities, tree.num_classes))
    k = tree.num_classes
    slot = np.zeros(tree.num_nodes, np.int64)
    parts, values, below = [p], None, None
    for nodes in levels(tree)[::-1]:
        leaf, inner = nodes[nodes < k], nodes[nodes >= k]
        rows = ops.take(p, leaf, axis=0)
        if len(inner):
            slot[inner] = np.arange(len(inner))
            segment = slot[tree.parents[below]]
            sums = ops.segment_sum(values, segment, len(inner))
            parts.append(sums)
            rows = ops.concatenate([rows, sums])
        values, below = rows, np.concatenate([leaf, inner])
    return ops.transpose(ops.concatenate(parts))
