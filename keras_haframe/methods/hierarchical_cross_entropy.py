"""Hierarchical cross-entropy (HXE): a linear classifier, cross-entropy weighted along the path."""

from __future__ import annotations

import dataclasses

from keras_haframe.losses import HierarchicalCrossEntropy
from keras_haframe.methods.base import register
from keras_haframe.methods.cross_entropy import CrossEntropyMethod


@register("hierarchical_cross_entropy")
@dataclasses.dataclass
class HierarchicalCrossEntropyMethod(CrossEntropyMethod):
    """The network of plain cross-entropy, trained so that coarse decisions weigh more.

    Options:
        alpha: Decay of the weights per edge; the paper: 0.1 to 0.6 (0 is plain cross-entropy).
        normalize: Divide the loss by the sum of all node weights, as the released code does.

    Reference: Bertinetto et al., Making Better Mistakes (CVPR 2020).
    """

    alpha: float = 0.1
    normalize: bool = False

    def __post_init__(self):
        self.loss()  # checks the options before any layer is made

    def loss(self):
        return HierarchicalCrossEntropy(self.tree, self.alpha, self.normalize)
