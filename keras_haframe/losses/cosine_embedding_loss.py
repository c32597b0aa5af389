"""Cosine distance to the embedding of the class, with a share of cross-entropy."""

from __future__ import annotations

from typing import Any

import keras

from keras_haframe.losses.cross_entropy import CrossEntropy
from keras_haframe.losses.label_loss import LabelLoss, take_own
from keras_haframe.tree_ops.options import non_negative
from keras_haframe.tree_ops.values import Outputs, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class CosineEmbeddingLoss(LabelLoss):
    """`1 - cos(u, e_y) + cross_entropy * CE(u)`, the embeddings `u` standing as K logits.

    Args:
        cross_entropy: Weight of the cross-entropy; 0 for the plain cosine distance, which takes
            embeddings of any width.
        reduction: Keras reduction over the batch.

    Call arguments: integer labels `[B]` and outputs `{"cosines": [B, K], "features": [B, K]}`, the
    cosines of `u` to every class embedding and `u` itself.

    Example:

    >>> cosines = keras.ops.convert_to_tensor([[1.0, 0.5]])
    >>> float(CosineEmbeddingLoss(0.0)([1], {"cosines": cosines}))
    0.5

    Reference: Barz and Denzler, Hierarchy-based Image Embeddings for Semantic Image Retrieval
    (WACV 2019); cross-entropy on `u` as in Bertinetto et al., Making Better Mistakes (CVPR 2020).
    """

    by_class = "cosines"

    def __init__(
        self,
        cross_entropy: float = 0.1,
        name: str = "cosine_embedding",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(name, reduction, dtype)
        self.cross_entropy = non_negative("cross_entropy", cross_entropy)
        self._entropy = CrossEntropy(dtype=dtype)

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        loss = 1 - take_own(outputs["cosines"], labels)
        if not self.cross_entropy:
            return loss
        features, classes = outputs["features"], outputs["cosines"].shape[-1]
        if features.shape[-1] != classes:
            raise ValueError(
                f"Cross-entropy on embeddings needs one dimension per class, {classes}. Received "
                f"embeddings of shape {tuple(features.shape)}. Set cross_entropy=0."
            )
        return loss + self.cross_entropy * self._entropy.loss(labels, features)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cross_entropy": self.cross_entropy}
