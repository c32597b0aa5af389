"""What losses of heads with one classifier per tree level share."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_haframe.losses.label_loss import LabelLoss
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree.level_maps import LevelMaps
from keras_haframe.tree_ops.values import Outputs, Tensor


class LevelLoss(LabelLoss):
    """Base class of losses over the outputs `"logits_1"` (children of the root), .., `"logits"`.

    Args:
        tree: A `ClassTree` (or its configuration).
        reduction: Keras reduction over the batch.
        dtype: `"float32"` or `"float64"`.

    Attributes:
        levels: `LevelMaps` of the tree.
    """

    def __init__(
        self,
        tree: ClassTree | dict,
        name: str,
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(name, reduction, dtype)
        self.tree = as_tree(tree)
        self.levels = LevelMaps(self.tree)

    def level_labels(self, labels: Tensor) -> list:
        """Labels `[B]` on every level, coarsest first, from int32 class labels `[B]`."""
        table = ops.convert_to_tensor(self.levels.labels)
        return ops.unstack(ops.take(table, labels, axis=0), len(self.levels), axis=1)

    def level_logits(self, outputs: Outputs) -> list:
        """Logits `[B, K_l]` of every level, coarsest first, after a check of names and widths."""
        names, owner = self.levels.names, type(self).__name__
        if not isinstance(outputs, dict) or not set(names) <= set(outputs):
            received = sorted(outputs) if isinstance(outputs, dict) else type(outputs).__name__
            raise ValueError(
                f"{owner} takes a dictionary of outputs with the logits of every level, {names}. "
                f"Received: {received}"
            )
        for name, size in zip(names, self.levels.sizes):
            if outputs[name].shape[-1] != size:
                raise ValueError(
                    f"{owner}: output {name!r} must have shape [batch, {size}], one logit per node "
                    f"of its level. Received shape: {tuple(outputs[name].shape)}"
                )
        return [outputs[name] for name in names]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "tree": self.tree.get_config()}
