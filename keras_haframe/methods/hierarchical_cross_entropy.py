"""Hierarchical cross-entropy (HXE): a linear classifier, cross-entropy weighted along the path."""

from __future__ import annotations

from keras_haframe import losses
from keras_haframe.methods.base import LinearMethod, register


@register("hierarchical_cross_entropy")
class HierarchicalCrossEntropy(LinearMethod):
    """The network of plain cross-entropy, trained so that coarse decisions weigh more.

    Reference: Bertinetto et al., Making Better Mistakes (CVPR 2020).
    """

    Loss = losses.HierarchicalCrossEntropy
