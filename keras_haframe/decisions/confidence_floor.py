"""Confidence floor: answer the most specific node that is probable enough."""

from __future__ import annotations

import numpy as np
from keras import ops

from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_floors, check_probabilities
from keras_haframe.tree_ops.options import check_choice
from keras_haframe.tree_ops.segments import node_sums
from keras_haframe.tree_ops.values import Tensor

RULES = ("climbing", "selective", "jumping", "max_coverage")


def confidence_floor(
    probabilities: Tensor,
    tree: ClassTree | dict,
    threshold: Tensor,
    *,
    rule: str = "climbing",
) -> Tensor:
    """Answer a class where the model is sure, an ancestor of it where it is not.

    The probability of a node is the sum over the classes below it, exactly 1 for the root.
    `threshold` is the least probability an answer other than the root must have:

    - `"climbing"`: start at the most probable class and go up until the floor is met. Answers
      grow coarser as the floor rises, which `calibrate_threshold` needs.
    - `"selective"`: the most probable class if it meets the floor, else the root (abstention).
    - `"jumping"`: the most probable of all classes, else the most probable of all nodes one
      higher (longest path down to a class), and so on; successive candidates need not be
      related.
    - `"max_coverage"`: of all nodes that meet the floor the one with the fewest classes below,
      the most probable of these.

    Ties: among equally probable nodes the lower node number wins, that is, classes by index, then
    deeper before higher inner nodes. A node with a single child is exactly as probable as the
    child, so the answer is always the lowest node of such a chain.

    Args:
        probabilities: `[B, K]` class probabilities.
        tree: A `ClassTree`.
        threshold: Number or `[B]`, one floor per example. 0 always answers the class, anything
            above 1 always the root (`"climbing"`, `"selective"`).
        rule: One of the above.

    Returns:
        int32 tensor `[B]` of node numbers: `tree.nodes[i]` is the name; numbers below
        `tree.num_classes` are classes, `tree.num_nodes - 1` is the root.

    Raises:
        ValueError: For an unknown rule, rows that are no probabilities, a negative or NaN
            threshold, or shapes that do not fit.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> nodes = confidence_floor([[0.5, 0.25, 0.25, 0.0]] * 3, tree, [0.4, 0.6, 0.9])
    >>> [tree.nodes[int(n)] for n in nodes]
    ['car', 'land', 'root']

    Reference: Goren, Galil and El-Yaniv, Hierarchical Selective Classification (NeurIPS 2024),
    inference rules.
    """
    check_choice("rule", rule, RULES)
    tree = as_tree(tree)
    p = check_probabilities(probabilities, tree.num_classes)
    floor = _floors(threshold, p)
    nodes = node_probabilities(p, tree)
    if rule == "jumping":
        return jump(nodes, tree, floor)
    if rule == "max_coverage":
        return widest_coverage(nodes, tree, floor)
    return _climb(p, nodes, rule_paths(tree, rule), floor)


def rule_paths(tree: ClassTree, rule: str) -> np.ndarray:
    """Nodes that a rule may answer for each most probable class, coarse to fine, int32 `[K, C]`."""
    columns = slice(None) if rule == "climbing" else [0, -1]
    return tree.paths[:, columns].astype(np.int32)


def node_probabilities(p: Tensor, tree: ClassTree) -> Tensor:
    """Rolled-up probabilities `[B, N]`, exactly 1 for the root.

    Inner nodes that hold all classes (a chain of single children below the root) are 1 like it.
    """
    whole = _class_counts(tree) == tree.num_classes
    return ops.where(whole[None, :], 1.0, node_sums(p, tree))


def _class_counts(tree: ClassTree) -> np.ndarray:
    _, start, stop = tree.leaf_ranges
    return (stop - start).astype(np.int32)


def path_probabilities(p: Tensor, nodes: Tensor, paths: np.ndarray) -> tuple[Tensor, Tensor]:
    """Nodes on the path to the most probable class and their probabilities, `[B, C]` each."""
    path = ops.take(ops.convert_to_tensor(paths), ops.argmax(p, axis=-1), axis=0)
    return path, ops.take_along_axis(nodes, path, axis=1)


def _floors(threshold: Tensor, p: Tensor) -> Tensor:
    """Thresholds as a tensor `[1, 1]` or `[B, 1]` of the dtype of `p`."""
    if not ops.is_tensor(threshold):
        threshold = check_floors(threshold, "threshold")
    shape, batch = tuple(threshold.shape), p.shape[0]
    if len(shape) > 1 or (shape and None not in (shape[0], batch) and shape[0] != batch):
        raise ValueError(
            f"`threshold` must be one number or one per example, [{batch}]. Received shape: {shape}"
        )
    return ops.reshape(ops.cast(ops.convert_to_tensor(threshold), p.dtype), (-1, 1))


def _climb(p: Tensor, nodes: Tensor, paths: np.ndarray, floor: Tensor) -> Tensor:
    path, found = path_probabilities(p, nodes, paths)
    columns = np.arange(paths.shape[1], dtype=np.int32)[None, :]
    # The deepest sufficient column; column 0, the root, is the default.
    column = ops.argmax(ops.where(found >= floor, columns, 0), axis=1)
    return _pick(path, column)


def jump(nodes: Tensor, tree: ClassTree, floor: Tensor) -> Tensor:
    """Answers of `"jumping"` from node probabilities `[B, N]` and floors `[B, 1]` or `[1, 1]`."""
    heights = tree.node_heights("subtree")
    answers, found = [], []
    for h in range(int(heights[-1]) + 1):
        level = np.flatnonzero(heights == h).astype(np.int32)
        p = ops.take(nodes, level, axis=1)
        best = ops.argmax(p, axis=1)
        answers.append(ops.take(ops.convert_to_tensor(level), best, axis=0))
        found.append(ops.take_along_axis(p, ops.cast(best, "int32")[:, None], axis=1))
    steps = np.arange(len(answers), dtype=np.int32)[None, :]
    enough = ops.logical_or(ops.concatenate(found, axis=1) >= floor, steps == len(answers) - 1)
    return _pick(ops.stack(answers, axis=1), ops.argmin(ops.where(enough, steps, 2**30), axis=1))


def widest_coverage(nodes: Tensor, tree: ClassTree, floor: Tensor) -> Tensor:
    """Answers of `"max_coverage"`, arguments as of `jump`."""
    root = np.arange(tree.num_nodes)[None, :] == tree.num_nodes - 1
    enough = ops.logical_or(nodes >= floor, root)
    size = ops.where(enough, _class_counts(tree)[None, :], 2**30)
    smallest = ops.take_along_axis(size, ops.argmin(size, axis=1)[:, None], axis=1)
    return ops.cast(ops.argmax(ops.where(size == smallest, nodes, -1.0), axis=1), "int32")


def _pick(rows: Tensor, column: Tensor) -> Tensor:
    """Entry `column[b]` of every row, int32 `[B]`."""
    picked = ops.take_along_axis(rows, ops.cast(column, "int32")[:, None], axis=1)
    return ops.cast(picked[:, 0], "int32")
