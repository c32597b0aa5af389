"""HAFrame with dot-regression: the hierarchy-aware frame, pull only."""

from __future__ import annotations

import dataclasses

from keras_haframe.losses import FrameDotRegression
from keras_haframe.methods.base import Method, register
from keras_haframe.methods.etf_dr import check_lengths_of
from keras_haframe.methods.haframe import frame_head


@register("haframe_dr")
@dataclasses.dataclass
class HAFrameDotRegression(Method):
    """Features pulled to the vector of their class in the hierarchy-aware frame.

    On a frame that is not an ETF the optimum of cross-entropy lies off the class vector; that of
    dot-regression lies on it. Ours, not from a paper.

    Options:
        gamma: Decay of the target cosines with the LCA height.
        min_similarity: `"grid"` (papers), `"exact"` or a number.
        cross_entropy: Weight of an added cross-entropy; it trains the feature norms, which
            dot-regression leaves free, and so the confidence of the softmax.
        lengths: Class lengths for long-tailed data: `None`, `"batch"` or a list of K, see
            `losses.DotRegression`.
        seed: Seed of the frame's rotation.
        structured: Use the O(N) form of the frame.
    """

    gamma: float = 1.0
    min_similarity: str | float = "grid"
    cross_entropy: float = 0.0
    lengths: str | list | None = None
    seed: int = 0
    structured: bool = False

    def __post_init__(self):
        self.lengths = self.loss().lengths  # checked, and a plain list
        check_lengths_of(self.lengths, self.tree)

    def head(self, features) -> dict:
        return frame_head(self, features)

    def loss(self):
        return FrameDotRegression(self.lengths, self.cross_entropy)
