"""NTCE and NONL: the images of a batch contrasted for every class vector of the fixed frame."""

from __future__ import annotations

from typing import Any, ClassVar

from keras_haframe import losses
from keras_haframe.layers import FrameClassifier
from keras_haframe.methods.base import Method, Norm, register
from keras_haframe.tree_ops.values import Tensor


@register("ntce")
class NTCE(Method):
    """Features that are found among those of the batch by the frame vector of their class.

    The head is HAFrame's; scores are cosines over the temperature.

    Args:
        seed: Seed of the frame's rotation.
        structured: Use the O(N) form of the frame.

    Reference: Neural collapse by design (arXiv 2605.20302, ICML 2026); on a hierarchy-aware frame:
    ours.
    """

    Loss = losses.BatchContrastLoss
    head_options: ClassVar[dict[str, Any]] = {"seed": 0, "structured": False}

    def head(self, features: Tensor, norm: Norm) -> dict:
        return FrameClassifier(
            self.loss.target, seed=self.seed, structured=self.structured, name="classifier"
        )(features)

    def scores(self, outputs: dict) -> Tensor:
        """Cosines over the temperature."""
        return outputs["cosines"] / self.loss.temperature
