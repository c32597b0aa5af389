"""Slow, obvious twins of what the library computes with tables: distances by walking the tree."""

import numpy as np


def children(tree, node: int) -> list[int]:
    return [i for i, parent in enumerate(tree.parents) if parent == node]


def longest_way_down(tree, node: int) -> int:
    below = children(tree, node)
    return 1 + max(longest_way_down(tree, c) for c in below) if below else 0


def lca(tree, a: int, b: int) -> int:
    """Number of the lowest common ancestor of two classes."""
    above = set()
    while a >= 0:
        above.add(a)
        a = int(tree.parents[a])
    while b not in above:
        b = int(tree.parents[b])
    return b


def distance(tree, a: int, b: int, convention: str = "depth") -> int:
    """Height of the LCA of two classes."""
    if a == b:
        return 0
    node = lca(tree, a, b)
    if convention == "subtree":
        return longest_way_down(tree, node)
    return tree.height - (len(tree.path(node)) - 1)


def distances(tree, convention: str = "depth") -> np.ndarray:
    """int `[K, K]` distances of all pairs of classes."""
    k = range(tree.num_classes)
    return np.array([[distance(tree, a, b, convention) for b in k] for a in k])


def ranking(scores) -> list[int]:
    """Classes by falling score; among equal scores the lower index first."""
    return sorted(range(len(scores)), key=lambda c: (-float(scores[c]), c))


def softmax(scores) -> np.ndarray:
    """float64 softmax over the last axis."""
    scores = np.asarray(scores, np.float64)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log_sum_exp(values) -> float:
    """Brute-force log-sum-exp, one value after the other."""
    total = -np.inf
    for value in values:
        total = np.logaddexp(total, value)
    return total


def log_softmax(row) -> np.ndarray:
    norm = log_sum_exp(row)
    return np.array([value - norm for value in row])


def target_cosines(tree, gamma: float, s_min: float, convention: str = "depth") -> np.ndarray:
    """Target cosines `[K, K]` from walked distances."""
    d = distances(tree, convention)
    return (1 - s_min) * np.exp(-gamma * d / d.max()) + s_min


def level_names(tree, level: int) -> list[str]:
    """Node above every class on a level, in label order; the class itself where it is shallower."""
    paths = [tree.path(k) for k in range(tree.num_classes)]
    return [path[min(level, len(path) - 1)] for path in paths]
