"""NTCE and NONL: the images of a batch contrasted for every class vector of the fixed frame."""

from __future__ import annotations

from keras_haframe import losses
from keras_haframe.methods.base import register
from keras_haframe.methods.frame_method import FrameMethod
from keras_haframe.tree_ops.values import Tensor


@register("ntce")
class NTCE(FrameMethod):
    """Features that are found among those of the batch by the frame vector of their class.

    The head is HAFrame's; scores are cosines over the temperature.

    Args:
        seed: Seed of the frame's rotation or signs.
        frame: Form of the frame, see `layers.FrameClassifier`.

    Reference: Neural collapse by design (arXiv 2605.20302, ICML 2026); on a hierarchy-aware frame:
    ours.
    """

    Loss = losses.BatchContrastLoss

    def scores(self, outputs: dict) -> Tensor:
        """Cosines over the temperature."""
        return outputs["cosines"] / self.loss.temperature
