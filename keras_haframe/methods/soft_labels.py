"""Soft labels: a linear classifier, targets that fall off with the distance in the tree."""

from __future__ import annotations

import dataclasses

from keras_haframe.losses import SoftLabelCrossEntropy
from keras_haframe.methods.base import register
from keras_haframe.methods.cross_entropy import CrossEntropyMethod


@register("soft_labels")
@dataclasses.dataclass
class SoftLabels(CrossEntropyMethod):
    """The network of plain cross-entropy, trained towards classes near the label as well.

    Options:
        beta: Sharpness of the targets; the paper: 4, 5, 10, 15, 20, 30.
        form: `"cross_entropy"`, `"kl"` or `"kl_per_class"` (the released code's scale), see
            `losses.SoftLabelCrossEntropy`.

    Reference: Bertinetto et al., Making Better Mistakes (CVPR 2020).
    """

    beta: float = 10.0
    form: str = "cross_entropy"

    def __post_init__(self):
        self.loss()  # checks the options before any layer is made

    def loss(self):
        return SoftLabelCrossEntropy(self.tree, self.beta, self.form)
