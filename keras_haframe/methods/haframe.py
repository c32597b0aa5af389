"""HAFrame: a classifier fixed to the hierarchy-aware frame, cross-entropy plus cosine loss."""

from __future__ import annotations

from typing import Any

from keras_haframe import losses
from keras_haframe.frames.choice import NARROW
from keras_haframe.methods.base import register
from keras_haframe.methods.frame_method import FrameMethod


@register("haframe")
class HAFrame(FrameMethod):
    """Features collapse onto a fixed frame whose cosines mirror the tree.

    Args:
        seed: Seed of the frame's rotation or signs.
        frame: `"auto"`, `"dense"`, `"structured"`, `"low_rank"` or `"best_rank"`, see
            `layers.FrameClassifier`.

    Reference: Liang and Davis, Inducing Neural Collapse to a Fixed Hierarchy-Aware Frame for
    Reducing Mistake Severity (ICCV 2023).
    """

    Loss = losses.HAFrameLoss

    def _make_loss(self, **changed: Any) -> Any:
        if self.frame in NARROW:
            changed["own_cosines"] = True
        return super()._make_loss(**changed)

    def options(self) -> dict[str, Any]:
        return {**super().options(), "own_cosines": self._chosen["own_cosines"]}
