"""Conditional risk minimization (CRM): the class with the smallest expected distance."""

from __future__ import annotations

import numpy as np
from keras import ops

from keras_haframe.decisions.rules import register
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.checks import check_probabilities
from keras_haframe.tree_ops.segments import node_sums
from keras_haframe.tree_ops.values import Tensor, to_numbers


@register("CRM")
def conditional_risk(
    probabilities: Tensor, distances: ClassTree | Tensor, *, convention: str = "depth"
) -> Tensor:
    """Negative expected distance of every class to the unknown label.

    `score_k = -sum_j p_j D[j, k]`. Sorting the scores gives the CRM ranking; among equal scores
    the lower class index comes first.

    Args:
        probabilities: `[B, K]` class probabilities, for example `model.predict_proba(x)`.
        distances: `[K, K]` distances, or a `ClassTree`, which takes O(N) memory.
        convention: Distance convention where a tree is given.

    Returns:
        Tensor `[B, K]` of scores, higher is better.

    Raises:
        ValueError: If the shapes do not fit, or rows are no probabilities.

    Example:

    >>> scores = conditional_risk([[0.4, 0.3, 0.3]], [[0, 2, 2], [2, 0, 1], [2, 1, 0]])
    >>> [round(float(s), 4) for s in scores[0]]  # two siblings outweigh the most probable class
    [-1.2, -1.1, -1.1]

    Reference: Karthik et al., No Cost Likelihood Manipulation at Test Time for Making Better
    Mistakes in Deep Networks (ICLR 2021).
    """
    if isinstance(distances, ClassTree):
        p = check_probabilities(probabilities, distances.num_classes)
        return _tree_risk(p, distances, convention)
    d = to_numbers(distances, "`distances`").astype(np.float64)
    if d.ndim != 2 or d.shape[0] != d.shape[1]:
        raise ValueError(
            f"`distances` must be a ClassTree or a square [K, K] matrix. Received shape: {d.shape}"
        )
    if not np.isfinite(d).all():
        raise ValueError("`distances` must be finite. Received: NaN or infinite ones")
    p = check_probabilities(probabilities, len(d))
    return -ops.matmul(p, ops.convert_to_tensor(d, dtype=p.dtype))


def _tree_risk(probabilities: Tensor, tree: ClassTree, convention: str) -> Tensor:
    """Risk by one pass down the tree.

    The height of the LCA of class k and the label is the root's height less, for every node
    below the root on the path of k that holds the label, the step down from its parent.
    """
    p = ops.transpose(node_sums(probabilities, tree))
    heights = tree.node_heights(convention)
    steps = np.zeros(tree.num_nodes)
    steps[:-1] = heights[tree.parents[:-1]] - heights[:-1]
    steps[-1] = -heights[-1]
    gains = p * ops.convert_to_tensor(steps[:, None], dtype=p.dtype)
    found, order = [gains[-1:]], [np.array([tree.num_nodes - 1])]
    slot = np.zeros(tree.num_nodes, np.int64)
    for nodes in tree.by_depth[1:]:
        slot[order[-1]] = np.arange(len(order[-1]))
        above = ops.take(found[-1], slot[tree.parents[nodes]], axis=0)
        found.append(above + ops.take(gains, nodes, axis=0))
        order.append(nodes)
    place = np.argsort(np.concatenate(order))[: tree.num_classes]
    total = ops.take(ops.concatenate(found), place, axis=0)
    return ops.transpose(total)
