"""Soft labels: a linear classifier, targets that fall off with the distance in the tree."""

from __future__ import annotations

from keras_haframe import losses
from keras_haframe.methods.base import LinearMethod, register


@register("soft_labels")
class SoftLabels(LinearMethod):
    """The network of plain cross-entropy, trained towards classes near the label as well.

    Reference: Bertinetto et al., Making Better Mistakes (CVPR 2020).
    """

    Loss = losses.SoftLabelCrossEntropy
