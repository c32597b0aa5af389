"""HAFrame: a classifier fixed to the hierarchy-aware frame, cross-entropy plus cosine loss."""

from __future__ import annotations

import dataclasses

from keras_haframe.layers import FrameClassifier
from keras_haframe.losses import HAFrameLoss
from keras_haframe.methods.base import Method, register


@register("haframe")
@dataclasses.dataclass
class HAFrame(Method):
    """Features collapse onto a fixed frame whose cosines mirror the tree.

    Options (the papers' values: FGVC-Aircraft gamma 1, alpha 0.5; CIFAR-100 2, 0.4; iNaturalist
    2019 5, 0.4; tieredImageNet-H 3, 0.5):
        gamma: Decay of the target cosines with the LCA height.
        alpha: Weight of the cosine loss, a number or the name of a schedule.
        min_similarity: `"grid"` (papers), `"exact"` or a number.
        seed: Seed of the frame's rotation.
        structured: Use the O(N) form of the frame.
        epochs, period: For scheduled alpha, see `losses.HAFrameLoss`.

    Reference: Liang and Davis, Inducing Neural Collapse to a Fixed Hierarchy-Aware Frame for
    Reducing Mistake Severity (ICCV 2023).
    """

    gamma: float = 1.0
    alpha: float | str = 0.5
    min_similarity: str | float = "grid"
    seed: int = 0
    structured: bool = False
    epochs: int | None = None
    period: int = 20

    def __post_init__(self):
        self.loss()  # checks the options before any layer is made

    def head(self, features) -> dict:
        return frame_head(self, features)

    def loss(self):
        return HAFrameLoss(
            self.tree, self.gamma, self.alpha, self.min_similarity, self.epochs, self.period
        )


def frame_head(method, features) -> dict:
    """Outputs of the frame classifier that a method's options describe."""
    classifier = FrameClassifier(
        method.tree,
        method.gamma,
        method.min_similarity,
        method.seed,
        method.structured,
        name="classifier",
    )
    return classifier(features)
