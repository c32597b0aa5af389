"""Top-1 accuracy of integer labels."""

from __future__ import annotations

import keras
from keras import ops

from keras_haframe.metrics.base import TreeMetric
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.values import Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class Top1Accuracy(TreeMetric):
    """Share of the examples whose highest-scoring class is the label.

    Unlike Keras's own it keeps class indices exact under half-precision policies. Among equal
    scores the lower class index wins.

    Args:
        tree: A `ClassTree`.
        name: Name in logs.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> metric = Top1Accuracy(tree)
    >>> metric.update_state([0, 1], [[4, 3, 2, 1], [4, 3, 2, 1]])
    >>> float(metric.result())
    0.5
    """

    def __init__(self, tree: ClassTree | dict, *, name: str = "top1", dtype: str | None = None):
        super().__init__(tree, name, dtype)
        self._direction = "up"

    def values(self, labels: Tensor, scores: Tensor) -> tuple[Tensor, Tensor | None]:
        """Whether the best class is the label."""
        return ops.cast(ops.argmax(scores, axis=-1), "int32") == labels, None
