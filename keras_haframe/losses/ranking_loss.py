"""DeViSE's hinge ranking loss over all classes."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.losses.label_loss import LabelLoss, take_own
from keras_haframe.tree_ops.options import positive
from keras_haframe.tree_ops.values import Outputs, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class RankingLoss(LabelLoss):
    """`sum_k max(0, margin + cos(u, e_k) - cos(u, e_y))` over all classes k.

    The true class itself adds the constant `margin`, as in the released code; it has no gradient.

    Args:
        margin: Least advantage of the true class, positive.
        reduction: Keras reduction over the batch.

    Call arguments: integer labels `[B]` and outputs `{"cosines": [B, K]}` (or the cosines alone).

    Example:

    >>> round(float(RankingLoss(0.1)([0], keras.ops.convert_to_tensor([[1.0, 0.95, 0.0]]))), 4)
    0.15

    Reference: Frome et al., DeViSE: A Deep Visual-Semantic Embedding Model (NeurIPS 2013).
    """

    by_class = "cosines"

    def __init__(
        self,
        margin: float = 0.1,
        name: str = "ranking",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(name, reduction, dtype)
        self.margin = positive("margin", margin)

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        cosines = outputs["cosines"] if isinstance(outputs, dict) else outputs
        own = take_own(cosines, labels)[:, None]
        return ops.sum(ops.relu(self.margin + cosines - own), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "margin": self.margin}
