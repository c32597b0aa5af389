"""The classifier fixed to the hierarchy-aware frame."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_haframe.frames import TargetCosines, TreeFrame, hierarchy_aware_frame
from keras_haframe.layers.fixed_classifier import FixedClassifier
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.values import Shape, Tensor
from keras_haframe.tree_ops.wavelet import tree_matvec


@keras.saving.register_keras_serializable(package="keras_haframe")
class FrameClassifier(FixedClassifier):
    """Classifier fixed to the hierarchy-aware frame of a class tree.

    Args:
        tree: A `ClassTree` (or its configuration), or the `TargetCosines` themselves.
        gamma: Decay of the target cosines, positive.
        min_similarity: `"grid"` (the papers' search), `"exact"`, or a number not below the exact
            bound.
        convention: Distance convention, see `ClassTree.distances`.
        mapping: `"exponential"` or `"linear"`, see `frames.similarity`.
        seed: Seed of the random rotation of the dense frame.
        structured: Apply the frame as a tree wavelet (`frames.TreeFrame`), in O(N) memory and
            operations per sample instead of K x K; features must then have K dimensions, and
            there is no random rotation. For many thousand classes.

    Input shape: `[B, dim]` with `dim >= K`. Output: `{"logits": [B, K], "cosines": [B, K]}`,
    float32, without bias, scale or temperature.

    Raises:
        ValueError: For a bad gamma or min_similarity (the message says the bound), or features of
            too few dimensions.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> tuple(FrameClassifier(tree, gamma=1.0)(keras.ops.ones((2, 4)))["cosines"].shape)
    (2, 4)

    Reference: Liang and Davis, HAFrame (ICCV 2023); structured form, docs/architecture.md.
    """

    def __init__(
        self,
        tree: ClassTree | TargetCosines | dict,
        gamma: float = 1.0,
        *,
        min_similarity: str | float = "grid",
        convention: str = "depth",
        mapping: str = "exponential",
        seed: int = 0,
        structured: bool = False,
        **kwargs: Any,
    ) -> None:
        self.target = TargetCosines.of(
            tree, gamma, min_similarity=min_similarity, convention=convention, mapping=mapping
        )
        super().__init__(self.target.tree.num_classes, **kwargs)
        self.seed = seed
        self.structured = structured

    def frame(self, dim: int) -> np.ndarray:
        if self.structured:
            return TreeFrame(self.target).dense()
        return hierarchy_aware_frame(self.target.matrix(), dim, self.seed)

    def build(self, input_shape: Shape) -> None:
        if not self.structured:
            super().build(input_shape)
            return
        if input_shape[-1] != self.num_classes:
            raise ValueError(
                f"A structured frame needs features of {self.num_classes} dimensions, one per "
                f"class. Received input shape: {tuple(input_shape)}. Put a Dense layer of that "
                "width before it, or use structured=False."
            )
        self._plan = TreeFrame(self.target)

    def logits(self, x: Tensor) -> Tensor:
        return tree_matvec(self._plan, x) if self.structured else super().logits(x)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            **self.target.get_config(),
            "seed": self.seed,
            "structured": self.structured,
        }
