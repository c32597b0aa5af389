"""Hierarchical precision, recall and F1 of answers that may be inner nodes."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from keras_haframe.metrics.base import TreeMetric
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_not_masked
from keras_haframe.tree_ops.marks import example_weights, marked_labels, poisoned, split_marks
from keras_haframe.tree_ops.values import Tensor, holds_values, to_numpy


def _node_paths(tree: ClassTree) -> np.ndarray:
    """Ancestor-or-self at depths 1 to height of every node, int32 `[N, H]`, -1 below the node."""
    table = np.full((tree.num_nodes, tree.height + 1), -1, np.int32)
    node = np.arange(tree.num_nodes)
    while (node >= 0).any():
        rows = np.flatnonzero(node >= 0)
        table[rows, tree.depths[node[rows]]] = node[rows]
        node[rows] = tree.parents[node[rows]]
    return table[:, 1:]


def _check(y_true: Tensor, y_pred: Tensor, tree: ClassTree) -> tuple[Tensor, Tensor, Tensor]:
    """Labels and nodes as int32 `[B]`, and which examples cannot be counted."""
    known, received = holds_values(y_pred), None
    given = to_numpy(y_pred, "y_pred") if known else y_pred
    check_not_masked(y_pred, "Predictions")
    kind = getattr(given.dtype, "name", str(given.dtype).split(".")[-1])
    if len(given.shape) != 1 or not kind.startswith(("int", "uint")):
        received = f"{kind} of shape {tuple(given.shape)}"
    elif known and len(given) and not 0 <= given.min() <= given.max() < tree.num_nodes:
        received = f"numbers from {given.min()} to {given.max()}"
    if received:
        raise ValueError(
            f"Predictions must be integer node numbers from 0 to {tree.num_nodes - 1} of shape "
            "[batch], for example from `decisions.confidence_floor(probabilities, tree, "
            f"threshold)`. Received: {received}"
        )
    inside = ops.convert_to_tensor(given.astype("int32") if known else given)
    nodes, no_node = split_marks(marked_labels(inside, [], tree.num_nodes))
    labels, lost = split_marks(marked_labels(y_true, nodes, tree.num_classes))
    return labels, nodes, ops.logical_or(lost, no_node)


def _set_sizes(paths: np.ndarray, labels: Tensor, nodes: Tensor) -> list[Tensor]:
    """Sizes `[B]` of the ancestor sets of label and node, and of what they share."""
    paths = ops.convert_to_tensor(paths)
    own, said = ops.take(paths, labels, axis=0), ops.take(paths, nodes, axis=0)
    shared = ops.logical_and(own == said, said >= 0)
    return [ops.sum(ops.cast(m, "float32"), axis=-1) for m in (own >= 0, said >= 0, shared)]


def hierarchical_f1(
    y_true: Tensor, y_pred: Tensor, tree: ClassTree | dict
) -> tuple[Tensor, Tensor, Tensor]:
    """Micro-averaged hierarchical precision, recall and F1 of node predictions.

    A node stands for the set of itself and its ancestors, the root left out. Over all examples,

    - `hP = sum |pred ∩ true| / sum |pred|`: how much of what is said is right,
    - `hR = sum |pred ∩ true| / sum |true|`: how much of what is to be said is said,
    - `hF1 = 2 hP hR / (hP + hR)`.

    If all classes have the same depth H and only classes are predicted, the three are equal to
    `1 - HierDist@1 / H`: they tell more only for inner nodes or uneven depths.

    Args:
        y_true: Integer labels `[B]`.
        y_pred: Node numbers `[B]`, integers from 0 to `num_nodes - 1`.
        tree: A `ClassTree`.

    Returns:
        `(hP, hR, hF1)`, scalar tensors. hP is NaN if only the root is predicted.

    Raises:
        ValueError: If the predictions are not node numbers.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> found = hierarchical_f1([0, 0], [tree.index("land"), tree.index("truck")], tree)
    >>> [round(float(v), 3) for v in found]
    [0.667, 0.5, 0.571]

    Shared 1 + 1, said 1 + 2, true 2 + 2: hP = 2/3, hR = 2/4, hF1 = 4/7.

    Reference: Kiritchenko, Matwin and Famili, Functional Annotation of Genes Using Hierarchical
    Text Categorization (BioLINK 2005); Silla and Freitas, A survey of hierarchical classification
    across different application domains (2011).
    """
    tree = as_tree(tree)
    labels, nodes, lost = _check(y_true, y_pred, tree)
    sizes = [poisoned(s, lost) for s in _set_sizes(_node_paths(tree), labels, nodes)]
    true, said, shared = (ops.sum(s) for s in sizes)
    return shared / said, shared / true, 2 * shared / (said + true)


class _SetMetric(TreeMetric):
    """Ratio of two sums over ancestor sets: a mean of ratios, weighted by the denominators."""

    def __init__(self, tree: ClassTree | dict, *, name: str, dtype: str | None = None):
        super().__init__(tree, name, dtype)
        self._direction = "up"
        self._paths = _node_paths(self.tree)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Add a batch of integer labels `[B]` and node numbers `[B]`."""
        labels, nodes, lost = _check(y_true, y_pred, self.tree)
        over, under = self.ratio(*_set_sizes(self._paths, labels, nodes))
        weights = ops.ones_like(over)
        if sample_weight is not None:
            weights = weights * example_weights(sample_weight, labels, self.dtype)
        weights = poisoned(weights, lost)
        self.total.assign_add(ops.cast(ops.sum(over * weights), self.dtype))
        self.count.assign_add(ops.cast(ops.sum(under * weights), self.dtype))

    def ratio(self, true: Tensor, said: Tensor, shared: Tensor) -> tuple[Tensor, Tensor]:
        """Numerator and denominator `[B]` from the sizes of the sets."""
        raise NotImplementedError

    def result(self) -> Tensor:
        """Return the ratio of the sums so far."""
        return self.total / self.count


@keras.saving.register_keras_serializable(package="keras_haframe")
class HierarchicalPrecision(_SetMetric):
    """Streaming micro-averaged hierarchical precision of node predictions (higher is better).

    `update_state` takes node numbers `[B]`, see `hierarchical_f1`. NaN while only the root was
    predicted.

    Args:
        tree: A `ClassTree`.
        name: Name in logs.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> metric = HierarchicalPrecision(tree)
    >>> metric.update_state([0, 0], [tree.index("land"), tree.index("truck")])
    >>> round(float(metric.result()), 3)
    0.667
    """

    def __init__(
        self,
        tree: ClassTree | dict,
        *,
        name: str = "hierarchical_precision",
        dtype: str | None = None,
    ):
        super().__init__(tree, name=name, dtype=dtype)

    def ratio(self, true: Tensor, said: Tensor, shared: Tensor) -> tuple[Tensor, Tensor]:
        """Sizes of what is shared and of what is said."""
        return shared, said


@keras.saving.register_keras_serializable(package="keras_haframe")
class HierarchicalRecall(_SetMetric):
    """Streaming micro-averaged hierarchical recall of node predictions (higher is better).

    Args:
        tree: A `ClassTree`.
        name: Name in logs.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> metric = HierarchicalRecall(tree)
    >>> metric.update_state([0, 0], [tree.index("land"), tree.index("truck")])
    >>> round(float(metric.result()), 3)
    0.5
    """

    def __init__(
        self, tree: ClassTree | dict, *, name: str = "hierarchical_recall", dtype: str | None = None
    ):
        super().__init__(tree, name=name, dtype=dtype)

    def ratio(self, true: Tensor, said: Tensor, shared: Tensor) -> tuple[Tensor, Tensor]:
        """Sizes of what is shared and of what is true."""
        return shared, true


@keras.saving.register_keras_serializable(package="keras_haframe")
class HierarchicalF1(_SetMetric):
    """Streaming micro-averaged hierarchical F1 of node predictions (higher is better).

    Args:
        tree: A `ClassTree`.
        name: Name in logs.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> metric = HierarchicalF1(tree)
    >>> metric.update_state([0, 0], [tree.index("land"), tree.index("truck")])
    >>> round(float(metric.result()), 3)
    0.571
    """

    def __init__(
        self, tree: ClassTree | dict, *, name: str = "hierarchical_f1", dtype: str | None = None
    ):
        super().__init__(tree, name=name, dtype=dtype)

    def ratio(self, true: Tensor, said: Tensor, shared: Tensor) -> tuple[Tensor, Tensor]:
        """Twice the size of what is shared, and the sum of both sizes."""
        return 2 * shared, said + true
