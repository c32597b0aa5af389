"""HAFrame with dot-regression: the hierarchy-aware frame, pull only."""

from __future__ import annotations

from typing import Any, ClassVar

from keras_haframe import losses
from keras_haframe.frames import TargetCosines
from keras_haframe.losses.class_length_loss import check_one_per_class
from keras_haframe.methods.base import register
from keras_haframe.methods.frame_method import FrameMethod
from keras_haframe.tree import ClassTree


@register("haframe_dr")
class HAFrameDR(FrameMethod):
    """Features pulled to the vector of their class in the hierarchy-aware frame.

    On a frame that is not an ETF the optimum of cross-entropy lies off the class vector; that of
    dot-regression lies on it. Ours, not from a paper.

    Args:
        gamma: Decay of the target cosines with the LCA height.
        min_similarity: `"grid"` (papers), `"exact"` or a number.
        convention: Distance convention, see `ClassTree.distances`.
        mapping: `"exponential"` or `"linear"`, see `frames.similarity`.
        seed: Seed of the frame's rotation or signs.
        frame: Form of the frame, see `layers.FrameClassifier`.
    """

    Loss = losses.FrameDotRegression
    gamma: Any
    head_options: ClassVar[dict[str, Any]] = {
        "gamma": "auto",
        "min_similarity": "grid",
        "convention": "depth",
        "mapping": "exponential",
        **FrameMethod.head_options,
    }

    def __init__(self, tree: ClassTree | dict, **options: Any) -> None:
        super().__init__(tree, **options)
        check_one_per_class(self.loss.lengths, self.tree)
        self._target = TargetCosines(
            self.tree, self.gamma, min_similarity=self.min_similarity, convention=self.convention,
            mapping=self.mapping,
        )  # fmt: skip
        self.gamma = self._target.gamma

    @property
    def target(self) -> TargetCosines:
        return self._target

    def use_target(self, target: TargetCosines) -> None:
        self._target = target  # the loss has none
