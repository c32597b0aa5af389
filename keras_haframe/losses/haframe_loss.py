"""The HAFrame loss: cross-entropy and cosine loss, mixed by alpha."""

from __future__ import annotations

import keras
from keras import ops

from keras_haframe.frames import TargetCosines
from keras_haframe.losses.base import LabelLoss
from keras_haframe.losses.cross_entropy import CrossEntropy
from keras_haframe.losses.frame_cosine_loss import FrameCosineLoss
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.options import non_negative


@keras.saving.register_keras_serializable(package="keras_haframe")
class HAFrameLoss(LabelLoss):
    """`beta` cross-entropy + `alpha` cosine loss, `beta = 1 - alpha` (1 where `alpha > 1`).

    Args:
        tree: A `ClassTree` (or its configuration), or the `TargetCosines` themselves.
        gamma: Decay of the target cosines (papers: FGVC-Aircraft 1, CIFAR-100 2, iNaturalist 2019
            5, tieredImageNet-H 3).
        alpha: Weight of the cosine loss, in `[0, inf)` (papers: FGVC-Aircraft and
            tieredImageNet-H 0.5, CIFAR-100 and iNaturalist 2019 0.4; 0 is cross-entropy alone).
            The callback `training.AlphaSchedule` changes it from epoch to epoch.
        min_similarity: `"grid"` (the papers' search), `"exact"`, or a number not below the exact
            bound.
        convention: Distance convention, see `ClassTree.distances`.
        mapping: `"exponential"` or `"linear"`, see `frames.similarity`.
        reduction: Keras reduction over the batch.

    Call arguments: integer labels `[B]` and the outputs `{"logits", "cosines"}` of a
    `FrameClassifier`.

    Raises:
        ValueError: For a bad alpha or gamma.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> outputs = FrameClassifier(tree, gamma=1.0)(keras.ops.zeros((1, 4)))
    >>> round(float(HAFrameLoss(tree, gamma=1.0, alpha=0.0)([0], outputs)), 4)  # log 4
    1.3863

    Reference: Liang and Davis, HAFrame (ICCV 2023), total loss.
    """

    def __init__(
        self,
        tree: ClassTree | TargetCosines | dict,
        gamma: float = 1.0,
        *,
        alpha: float = 0.5,
        min_similarity: str | float = "grid",
        convention: str = "depth",
        mapping: str = "exponential",
        name: str = "haframe",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(name, reduction, dtype)
        self.alpha = non_negative("alpha", alpha)
        self.schedule: keras.Variable | None = None
        self.cross_entropy = CrossEntropy(dtype=dtype)
        self.cosine = FrameCosineLoss(
            tree, gamma, min_similarity=min_similarity, convention=convention, mapping=mapping,
            dtype=dtype,
        )  # fmt: skip

    @property
    def target(self) -> TargetCosines:
        """The target cosines."""
        return self.cosine.target

    def weights(self) -> tuple:
        """Current weights `(beta, alpha)` of cross-entropy and cosine loss."""
        if self.schedule is None:
            return (1.0 - self.alpha if self.alpha <= 1 else 1.0), self.alpha
        alpha = ops.cast(self.schedule, self.dtype)
        return 1.0 - alpha, alpha

    def loss(self, labels, outputs):
        if not isinstance(outputs, dict) or not {"logits", "cosines"} <= set(outputs):
            raise ValueError(
                "HAFrameLoss takes the outputs {'logits', 'cosines'} of a FrameClassifier. "
                f"Received: {sorted(outputs) if isinstance(outputs, dict) else type(outputs)}"
            )
        beta, alpha = self.weights()
        return beta * self.cross_entropy.loss(labels, outputs) + alpha * self.cosine.loss(
            labels, outputs
        )

    def get_config(self) -> dict:
        return {**super().get_config(), **self.target.get_config(), "alpha": self.alpha}
