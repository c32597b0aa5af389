"""HAFrame: a classifier fixed to the hierarchy-aware frame, cross-entropy plus cosine loss."""

from __future__ import annotations

from typing import Any, ClassVar

from keras_haframe import losses
from keras_haframe.layers import FrameClassifier
from keras_haframe.methods.base import Method, Norm, read_by_features, register
from keras_haframe.tree_ops.values import Tensor


@register("haframe")
class HAFrame(Method):
    """Features collapse onto a fixed frame whose cosines mirror the tree.

    Args:
        seed: Seed of the frame's rotation.
        structured: Use the O(N) form of the frame.

    Reference: Liang and Davis, Inducing Neural Collapse to a Fixed Hierarchy-Aware Frame for
    Reducing Mistake Severity (ICCV 2023).
    """

    Loss = losses.HAFrameLoss
    head_options: ClassVar[dict[str, Any]] = {"seed": 0, "structured": False}

    def head(self, features: Tensor, norm: Norm) -> dict:
        classifier = FrameClassifier(
            self.loss.target, seed=self.seed, structured=self.structured, name="classifier"
        )
        outputs = classifier(features)
        return {**outputs, **read_by_features(self.loss, classifier, features)}
