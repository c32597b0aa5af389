"""Allow-lists and priors: what may be answered, and what is likely where."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_haframe.tree import ClassTree
from keras_haframe.tree.named_classes import named_classes
from keras_haframe.tree_ops.columns import in_class_order
from keras_haframe.tree_ops.values import to_numbers, to_numpy


def allowed_classes(allowed: Any, tree: ClassTree, count: int) -> np.ndarray:
    """Which classes may be answered, bool `[1, K]` or `[B, K]`.

    Args:
        allowed: Names of classes or inner nodes (all classes below them), or a bool mask `[K]` or
            `[B, K]`, its columns in the order of `tree.leaves`.
        tree: A `ClassTree`.
        count: Number B of examples.

    Raises:
        ValueError: For unknown names (with the nearest spelling), an empty list, or a mask of
            another shape or type.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> allowed_classes(["land", "jet"], tree, 1)
    array([[ True,  True,  True, False]])
    """
    if isinstance(allowed, (str, bytes)):
        raise ValueError(f"`allowed` must be a list of names. Received: {allowed!r}")
    if isinstance(allowed, Iterable) and not hasattr(allowed, "shape"):
        allowed = list(allowed)
        if allowed and all(isinstance(name, str) for name in allowed):
            return named_classes(allowed, tree)
    mask = to_numpy(in_class_order(allowed, tree, "`allowed`"), "allowed")
    if mask.ndim == 1 and mask.dtype.kind in "OU" and mask.size:  # an array of names
        return named_classes([str(name) for name in mask], tree)
    mask = np.atleast_2d(mask)
    k = tree.num_classes
    if mask.dtype != bool or mask.ndim != 2 or mask.shape[1] != k or len(mask) not in (1, count):
        raise ValueError(
            f"`allowed` must be names of classes or inner nodes, or a bool mask of shape [{k}] or "
            f"[{count}, {k}]. Received: dtype {mask.dtype}, shape {mask.shape}"
        )
    return mask


def listed_nodes(mask: np.ndarray, tree: ClassTree) -> np.ndarray:
    """Nodes that hold a class of the list, bool `[B, N]`, and the root always."""
    order, start, stop = tree.leaf_ranges
    sums = np.cumsum(mask[:, order], axis=1)
    sums = np.concatenate([np.zeros_like(sums[:, :1]), sums], axis=1)
    listed = sums[:, stop] > sums[:, start]
    listed[:, -1] = True
    return listed


def apply_prior(p: np.ndarray, prior: Any, tree: ClassTree) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities times a prior, renormalized.

    Args:
        p: Probabilities `[B, K]`.
        prior: Weights `[K]` or `[B, K]`, not negative; only their ratios within a row matter.
        tree: A `ClassTree`.

    Returns:
        `(probabilities, possible)`: `[B, K]`, and bool `[B]`, false where the prior leaves no
        class with any probability; such rows are returned as they were.

    Raises:
        ValueError: For another shape, or weights that are negative, NaN, infinite or all 0.
    """
    weights = to_numbers(in_class_order(prior, tree, "`prior`"), "`prior`").astype(np.float64)
    weights = weights[None, :] if weights.ndim == 1 else weights
    if weights.ndim != 2 or weights.shape[1] != p.shape[1] or len(weights) not in (1, len(p)):
        raise ValueError(
            f"`prior` must have shape [{p.shape[1]}], a weight per class, or {list(p.shape)}, also "
            f"per example. Received shape: {np.shape(prior)}"
        )
    if not np.isfinite(weights).all() or (weights < 0).any():
        bad = weights[~(np.isfinite(weights) & (weights >= 0))][0]
        raise ValueError(f"`prior` must be finite and not negative. Received: {bad}")
    most = weights.max(axis=1, keepdims=True)
    if not most.any():
        raise ValueError("`prior` must give some class a weight above 0. Received: only zeros")
    product = p * (weights / np.where(most > 0, most, 1)).astype(p.dtype)
    total = product.sum(axis=1, keepdims=True)
    possible = total > 0
    return np.where(possible, product / np.where(possible, total, 1), p), possible[:, 0]
