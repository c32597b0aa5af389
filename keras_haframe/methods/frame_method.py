"""What the methods on the hierarchy-aware frame share: its options and its classifier."""

from __future__ import annotations

from typing import Any, ClassVar

from keras_haframe.frames import TargetCosines
from keras_haframe.frames.choice import FRAMES, NARROW
from keras_haframe.layers import FrameClassifier
from keras_haframe.methods.base import Method, Norm, read_by_features
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.options import check_choice
from keras_haframe.tree_ops.values import Tensor


class FrameMethod(Method):
    """Base class of methods whose classifier is a `FrameClassifier`; the loss has its target."""

    head_options: ClassVar[dict[str, Any]] = {"seed": 0, "frame": "auto"}

    def __init__(self, tree: ClassTree | dict, **options: Any) -> None:
        super().__init__(tree, **options)
        check_choice("frame", self.frame, FRAMES)

    @property
    def target(self) -> TargetCosines:
        """The target cosines of loss and frame."""
        return self.loss.target

    def use_target(self, target: TargetCosines) -> None:
        """Make the loss anew for the target cosines of a frame of few dimensions."""
        self.loss = self._make_loss(min_similarity=target.min_similarity)

    @property
    def wide(self) -> bool:  # type: ignore[override]
        """Whether the frame needs features of K dimensions."""
        return self.frame not in NARROW

    def head(self, features: Tensor, norm: Norm) -> dict:
        if self.frame == "low_rank":  # its rows are sums, which have no negative cosines
            target = self.target.without_negative_weights()
            if target is not self.target:
                self.use_target(target)
        classifier = FrameClassifier(
            self.target, seed=self.seed, frame=self.frame, name="classifier"
        )
        outputs = classifier(features)
        return {**outputs, **read_by_features(self.loss, classifier, features)}

    def options(self) -> dict[str, Any]:
        """Options by name; `min_similarity` as it was given, whatever the frame makes of it."""
        return {**super().options(), "min_similarity": self._chosen["min_similarity"]}
