"""The steps of a decision before the floor: temperature, prior, rule, allow-list."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from keras_haframe.decisions.allowed import allowed_classes, apply_prior, listed_nodes
from keras_haframe.decisions.confidence_floor import node_probabilities
from keras_haframe.decisions.rules import rank
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.checks import check_probabilities
from keras_haframe.tree_ops.columns import in_class_order
from keras_haframe.tree_ops.options import positive
from keras_haframe.tree_ops.values import Tensor


class Start(NamedTuple):
    """Examples after steps 1 to 4.

    Attributes:
        nodes: Probabilities of all nodes `[B, N]`.
        best: Class at the start `[B]`.
        path: Nodes that may be answered, coarse to fine, `[B, C]`; column 0 is the root.
        found: Their probabilities.
        listed: Whether they are on the list; these come first.
        possible: `[B]`, false where the prior leaves no class.
    """

    nodes: np.ndarray
    best: np.ndarray
    path: np.ndarray
    found: np.ndarray
    listed: np.ndarray
    possible: np.ndarray


def start_of(
    probabilities: Tensor,
    tree: ClassTree,
    floor_rule: str,
    temperature: float | None,
    prior: Any,
    rule: str | None,
    allowed: Any,
) -> Start:
    """Take the steps before the floor; arguments as of `decide`."""
    probabilities = in_class_order(probabilities, tree, "`probabilities`")
    p = ops.convert_to_numpy(check_probabilities(probabilities, tree.num_classes))
    possible = np.ones(len(p), bool)
    if temperature is not None:
        power = 1 / positive("temperature", temperature)
        p = (p / p.max(axis=1, keepdims=True)) ** p.dtype.type(power)
        p = p / p.sum(axis=1, keepdims=True)
    if prior is not None:
        p, possible = apply_prior(p, prior, tree)
    tensor = ops.convert_to_tensor(p)
    scores = rank(tensor, tree, rule) if rule else tensor
    best = ops.convert_to_numpy(ops.argmax(scores, axis=-1)).astype(np.int64)
    nodes = ops.convert_to_numpy(node_probabilities(tensor, tree))
    columns = [0, -1] if floor_rule == "selective" else slice(None)
    path = tree.paths[:, columns][best]
    listed = np.ones(path.shape, bool)
    if allowed is not None:
        on_list = listed_nodes(allowed_classes(allowed, tree, len(p)), tree)
        on_list = np.broadcast_to(on_list, (len(p), tree.num_nodes))
        listed = np.take_along_axis(on_list, path, axis=1)
    listed[~possible, 1:] = False
    return Start(nodes, best, path, np.take_along_axis(nodes, path, axis=1), listed, possible)
