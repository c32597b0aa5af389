"""Hierarchical ensemble (HiE): class probabilities amended by the probability of their parent."""

from __future__ import annotations

import numpy as np
from keras import ops

from keras_haframe.decisions.rules import register
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_probabilities
from keras_haframe.tree_ops.values import Tensor, number_tensor


def leaf_parents(tree: ClassTree | dict) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes that have a class as a child: the classes of HiE's second model.

    Args:
        tree: A `ClassTree`.

    Returns:
        `(nodes, labels)`: int64 `[M]`, the node numbers in the order in which the classes name
        them, and int64 `[K]`, the position in `nodes` of each class's parent. Training labels of
        the second model are `labels[y]`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> nodes, labels = leaf_parents(tree)
    >>> labels
    array([0, 0, 1, 1])
    """
    tree = as_tree(tree)
    parents = tree.parents[: tree.num_classes]
    nodes, first, inverse = np.unique(parents, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return nodes[order], rank[inverse]


@register("HiE")
def hierarchical_ensemble(
    probabilities: Tensor,
    tree: ClassTree | dict,
    parent_probabilities: Tensor | None = None,
) -> Tensor:
    """Multiply each class probability by that of the class's parent, and renormalize.

    `p'_k = p_k q_parent(k) / sum_j p_j q_parent(j)`, where `q` comes from a second, coarser model
    trained on the parents of the classes (see `leaf_parents` for its labels).

    Without a second model `q` is read off `p` itself: `q_n` is the sum of `p` over the classes
    whose parent is `n`. Within a family nothing changes then, but each family's mass is squared
    (and renormalized), so families with several fairly probable members gain on lone favorites.
    This is not what the paper evaluates.

    The result is again a probability vector: `conditional_risk(hierarchical_ensemble(p, tree),
    tree)` composes the two.

    Args:
        probabilities: `[B, K]` class probabilities.
        tree: A `ClassTree`.
        parent_probabilities: `[B, M]` probabilities of the leaf parents, in the order of
            `leaf_parents(tree)[0]`, or `None`.

    Returns:
        Tensor `[B, K]` of probabilities. A row in which no class has mass under both models is
        returned as it was: there is nothing to ensemble.

    Raises:
        ValueError: If the shapes do not fit, or rows are no probabilities.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> p = hierarchical_ensemble([[0.3, 0.3, 0.4, 0.0]], tree)
    >>> [round(float(v), 3) for v in p[0]]
    [0.346, 0.346, 0.308, 0.0]

    land has 0.6, air 0.4, so the products are 0.18, 0.18, 0.16 and 0: car overtakes jet.

    Reference: Jain, Karthik and Gandhi, Test-Time Amendment with a Coarse Classifier for
    Fine-Grained Classification (NeurIPS 2023).
    """
    tree = as_tree(tree)
    p = check_probabilities(probabilities, tree.num_classes)
    nodes, labels = leaf_parents(tree)
    if parent_probabilities is None:
        sums = ops.segment_sum(ops.transpose(p), labels, len(nodes))
        q = ops.transpose(sums)
    else:
        parent_probabilities = number_tensor(parent_probabilities, "`parent_probabilities`")
        _check_parents(parent_probabilities, p, nodes, tree)
        q = check_probabilities(parent_probabilities, len(nodes), what="`parent_probabilities`")
        q = ops.cast(q, p.dtype)
    product = p * ops.take(q, labels, axis=1)
    total = ops.sum(product, axis=-1, keepdims=True)
    some = total > 0
    return ops.where(some, product / ops.where(some, total, ops.ones_like(total)), p)


def _check_parents(q: Tensor, p: Tensor, nodes: np.ndarray, tree: ClassTree) -> None:
    rows = (q.shape[0], p.shape[0]) if len(q.shape) else (None, None)
    if len(q.shape) == 2 and q.shape[1] == len(nodes) and (None in rows or rows[0] == rows[1]):
        return
    names = [tree.nodes[n] for n in nodes[:3]]
    raise ValueError(
        f"`parent_probabilities` must have shape [{p.shape[0]}, {len(nodes)}]: one row per example "
        f"and one column per parent of a class, in the order of leaf_parents(tree)[0] "
        f"({', '.join(names)}{', ...' if len(nodes) > 3 else ''}). "
        f"Received shape: {tuple(q.shape)}"
    )
