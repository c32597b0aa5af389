"""The similarity as a sum over tree nodes, and linear algebra with it in O(N).

With `s(h)` the target cosine of classes whose LCA has height `h`, let node `n` weigh
`w_n = s(h(n)) - s(h(parent))` and the root `s(h(root))`. The weights on the path of two classes'
common ancestors telescope, so `S = sum_n w_n 1_n 1_n'` with `1_n` the indicator of the classes
below `n`. Every block `S_n` of the classes below a node (with weights from `n` down) is the block
diagonal of its children's plus `w_n 1 1'`: a rank-one update, which the functions here exploit.
"""

from __future__ import annotations

import numpy as np

from keras_haframe.tree import ClassTree


def largest_distance(tree: ClassTree, convention: str = "depth") -> int:
    """Largest distance between two classes: the height of the topmost branching node."""
    children = np.bincount(tree.parents[:-1], minlength=tree.num_nodes)
    return int(tree.node_heights(convention)[children > 1].max())


def node_weights(
    tree: ClassTree,
    gamma: float,
    min_similarity: float,
    mapping: str = "exponential",
    convention: str = "depth",
) -> np.ndarray:
    """Weight of every node in the similarity, float64 `[N]`; only the root's can be negative."""
    # Single-child nodes above the topmost branching node have no pair to tell apart.
    t = np.minimum(tree.node_heights(convention) / largest_distance(tree, convention), 1.0)
    below, above = t[:-1], t[tree.parents[:-1]]
    weights = np.empty(tree.num_nodes)
    if mapping == "exponential":
        # expm1 keeps the digits of a difference of nearly equal cosines (small gamma).
        weights[:-1] = np.exp(-gamma * below) * -np.expm1(-gamma * (above - below))
        weights[-1] = np.exp(-gamma * t[-1])
    else:
        weights[:-1] = above - below
        weights[-1] = 1 - t[-1]
    weights *= 1 - min_similarity
    weights[-1] += min_similarity
    return weights


def masses(tree: ClassTree, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`1' S_n^-1 1` of every node's block, without and with the node's own weight.

    Returns:
        `(below, whole)`, float64 `[N]` each: the sum over the children of `whole`, and
        `whole = below / (1 + w_n below)`; for a class `whole = 1 / w` and `below` is unused.
        `whole` is infinite at the root where `S` is singular.
    """
    below, whole = np.zeros(tree.num_nodes), np.empty(tree.num_nodes)
    k = tree.num_classes
    for nodes in tree.by_depth[::-1]:
        leaf, inner = nodes[nodes < k], nodes[nodes >= k]
        whole[leaf] = 1.0 / weights[leaf]
        with np.errstate(divide="ignore"):
            whole[inner] = below[inner] / np.maximum(1.0 + weights[inner] * below[inner], 0.0)
        if nodes[-1] != tree.num_nodes - 1:
            np.add.at(below, tree.parents[nodes], whole[nodes])
    return below, whole


def solve_ones(tree: ClassTree, weights: np.ndarray) -> tuple[float, float]:
    """Return `1' S^-1 1` and `|S^-1 1|^2` for a positive definite `S`."""
    below, whole = masses(tree, weights)
    k = tree.num_classes
    shrink = np.ones(tree.num_nodes)  # product of 1 / (1 + w_a below_a) over node and ancestors
    shrink[k:] = 1.0 / (1.0 + weights[k:] * below[k:])
    for nodes in tree.by_depth[1:]:
        shrink[nodes] *= shrink[tree.parents[nodes]]
    solution = shrink[:k] / weights[:k]
    return float(whole[-1]), float(solution @ solution)
