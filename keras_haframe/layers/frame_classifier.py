"""The classifier fixed to the hierarchy-aware frame."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_haframe.frames import (
    LowRankFrame,
    TargetCosines,
    TreeFrame,
    best_rank_frame,
    hierarchy_aware_frame,
)
from keras_haframe.frames.choice import FRAMES, frame_kind
from keras_haframe.layers.fixed_classifier import FixedClassifier
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.low_rank import low_rank_matvec
from keras_haframe.tree_ops.low_rank_rows import low_rank_rows
from keras_haframe.tree_ops.options import check_choice
from keras_haframe.tree_ops.values import Shape, Tensor
from keras_haframe.tree_ops.wavelet import tree_matvec


@keras.saving.register_keras_serializable(package="keras_haframe")
class FrameClassifier(FixedClassifier):
    """Classifier fixed to the hierarchy-aware frame of a class tree.

    Args:
        tree: A `ClassTree` (or its configuration), or the `TargetCosines` themselves.
        gamma: Decay of the target cosines, or `"auto"`, see `frames.TargetCosines`.
        min_similarity: `"grid"` (the papers' search), `"exact"`, or a number not below the exact
            bound.
        convention: Distance convention, see `ClassTree.distances`.
        mapping: `"exponential"` or `"linear"`, see `frames.similarity`.
        seed: Seed of the random rotation, or of the signs of the low-rank frame.
        frame: How the vectors are held:

            - `"dense"`: a K x dim matrix, turned by a random rotation; exact, `dim >= K`.
            - `"structured"`: a tree wavelet (`frames.TreeFrame`), O(N) memory and operations per
              example and no matrix; exact, `dim >= K`, of which the first K carry the frame.
            - `"low_rank"`: sums of sign vectors along the path (`frames.LowRankFrame`), O(N)
              memory, features of any width; cosines to about `1 / sqrt(dim)`. For
              `min_similarity="grid"` or `"exact"` classes that share only the root are orthogonal.
            - `"best_rank"`: the nearest frame of `dim < K` (`frames.best_rank_frame`), a K x dim
              matrix. It is saved: equal eigenvalues, which trees have, leave it open to a turn.
            - `"auto"`: dense up to 1,010 classes, structured beyond.

    Input shape: `[B, dim]`. Output: `{"logits": [B, K], "cosines": [B, K]}`, float32, without
    bias, scale or temperature.

    Attributes:
        frame_option: `frame` as given.
        kind: What it stands for.

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
        gamma: float | str = "auto",
        *,
        min_similarity: str | float = "grid",
        convention: str = "depth",
        mapping: str = "exponential",
        seed: int = 0,
        frame: str = "auto",
        **kwargs: Any,
    ) -> None:
        self.target = TargetCosines.of(
            tree, gamma, min_similarity=min_similarity, convention=convention, mapping=mapping
        )
        super().__init__(self.target.tree.num_classes, **kwargs)
        self.seed = seed
        self.frame_option = check_choice("frame", frame, FRAMES)
        self.kind = frame_kind(frame, self.num_classes)
        self._plan: TreeFrame | LowRankFrame | None = None

    def frame(self, dim: int) -> np.ndarray:
        if self.kind == "low_rank":
            return LowRankFrame(self.target, dim, seed=self.seed).dense()
        if self.kind == "best_rank":
            return best_rank_frame(self.target, dim, self.seed).frame
        if self.kind == "structured":
            return np.pad(TreeFrame(self.target).dense(), [(0, 0), (0, dim - self.num_classes)])
        return hierarchy_aware_frame(self.target, dim, self.seed)

    def build(self, input_shape: Shape) -> None:
        dim, k = int(input_shape[-1]), self.num_classes
        if self.kind in ("dense", "best_rank"):
            super().build(input_shape)
        elif self.kind == "low_rank":
            self._plan = LowRankFrame(self.target, dim, seed=self.seed)
        elif dim < k:
            raise ValueError(
                f"A structured frame needs features of {k} dimensions, one per class. Received "
                f"input shape: {tuple(input_shape)}. Use network='II', which ends in a layer of "
                "that width, or put one before it."
            )
        else:
            self._plan = TreeFrame(self.target)

    def logits(self, x: Tensor, training: bool | None = None) -> Tensor:
        if isinstance(self._plan, LowRankFrame):
            return low_rank_matvec(self._plan, x)
        if isinstance(self._plan, TreeFrame):
            return tree_matvec(self._plan, x[:, : self.num_classes], training)
        return super().logits(x)

    @property
    def class_vectors(self) -> Callable[[Tensor], Tensor] | None:
        """Function of int classes to their unit vectors, of the frame that stores no matrix."""
        if not isinstance(self._plan, LowRankFrame):
            return None
        return functools.partial(low_rank_rows, self._plan)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            **self.target.get_config(),
            "seed": self.seed,
            "frame": self.frame_option,
            "kind": self.kind,
        }

    @classmethod
    def from_config(cls, config: dict) -> FrameClassifier:
        config = with_frame(config)
        config.pop("kind", None)
        return cls(**config)


def with_frame(config: dict) -> dict:
    """Return a configuration with `frame` in place of `structured`, which it was called before."""
    config = dict(config)
    if "structured" in config:
        config["frame"] = "structured" if config.pop("structured") else "dense"
    return config
