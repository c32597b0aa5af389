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


def softmax(logits) -> np.ndarray:
    e = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
