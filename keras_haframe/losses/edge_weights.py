"""Weights of the edges on the path from the root to a class, shared by the path losses."""

from __future__ import annotations

import math

import numpy as np

from keras_haframe.tree import ClassTree


def check_alpha(alpha: float) -> float:
    """Return `alpha` as a float if it is finite and not negative."""
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0 <= alpha < math.inf:
        raise ValueError(f"`alpha` must be a number in [0, inf). Received: alpha={alpha!r}")
    return float(alpha)


def edge_weights(tree: ClassTree, alpha: float, normalize: bool) -> np.ndarray:
    """Weight `exp(-alpha depth(n))` of the edge above every node `n` of every path.

    Args:
        tree: A `ClassTree`.
        alpha: Decay per edge; the larger, the less the fine decisions count.
        normalize: Divide by the sum of the weights of all nodes, the root's included, as the
            released code of Making Better Mistakes does.

    Returns:
        float64 `[K, height]`: column `t` weighs the edge into the node at depth `t + 1` above the
        class; zero where the class is shallower.
    """
    nodes = np.exp(-alpha * tree.depths)
    if normalize:
        nodes = nodes / nodes.sum()
    weights = nodes[tree.paths[:, 1:]]
    weights[tree.paths[:, 1:] == tree.paths[:, :-1]] = 0.0
    return weights
