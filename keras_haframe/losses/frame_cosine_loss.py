"""The cosine loss that draws features to the target cosines of the tree."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.frames import TargetCosines
from keras_haframe.losses.label_loss import LabelLoss
from keras_haframe.losses.own_cosines import OwnCosines
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.checks import check_width
from keras_haframe.tree_ops.target_rows import TargetRows
from keras_haframe.tree_ops.values import Outputs, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class FrameCosineLoss(LabelLoss):
    """Squared distance of the features' cosines to the target cosines of their class.

    `L_b = sum_k (cos(w_k, x_b) - S[y_b, k])^2`: summed over all classes, averaged over the batch.

    Args:
        tree: A `ClassTree` (or its configuration), or the `TargetCosines` themselves.
        gamma, min_similarity, convention, mapping: As of the classifier, see
            `frames.TargetCosines`.
        reduction: Keras reduction over the batch.

    Call arguments: integer labels `[B]` and cosines `[B, K]`, or a dictionary of outputs that
    holds them under `"cosines"`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> targets = TargetCosines(tree, 1.0).matrix()
    >>> loss = FrameCosineLoss(tree, gamma=1.0)
    >>> round(float(loss([0, 1], targets[:2])), 6)  # features on the vectors of their classes
    0.0
    >>> round(float(loss([0], targets[1:2])), 4)  # at the sibling's vector
    1.2385

    Reference: Liang and Davis, HAFrame (ICCV 2023), cosine similarity loss.
    """

    reads = "cosines"

    def __init__(
        self,
        tree: ClassTree | TargetCosines | dict,
        gamma: float | str = "auto",
        *,
        min_similarity: str | float = "grid",
        convention: str = "depth",
        mapping: str = "exponential",
        name: str = "frame_cosine",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(name, reduction, dtype)
        self.target = TargetCosines.of(
            tree, gamma, min_similarity=min_similarity, convention=convention, mapping=mapping
        )
        self.targets = TargetRows(self.target.tree, self.target.weights, self.dtype)

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        return self.distance(labels, outputs, self.targets)

    def distance(
        self, labels: Tensor, outputs: Outputs, targets: TargetRows | OwnCosines
    ) -> Tensor:
        """Squared distance of the cosines to the rows of any targets, `[B]`."""
        cosines = outputs["cosines"] if isinstance(outputs, dict) else outputs
        check_width(cosines, self.target.tree.num_classes, "Cosines", "class of the tree")
        return ops.sum(ops.square(cosines - targets(labels)), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.target.get_config()}
