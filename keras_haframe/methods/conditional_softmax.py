"""Conditional softmax (YOLO-v2): a logit per tree node, a softmax per group of siblings."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from keras_haframe.losses import ConditionalSoftmaxLoss
from keras_haframe.methods.base import Method, linear, register


@register("conditional_softmax")
@dataclasses.dataclass
class ConditionalSoftmax(Method):
    """A linear layer to all N nodes; a class is as likely as all the choices on its path.

    Options:
        alpha: Decay of the loss weights per edge; 0 (all alike) in YOLO-v2.
        normalize: Divide the loss by the sum of all node weights, as the released code of Making
            Better Mistakes does.

    Reference: Redmon and Farhadi, YOLO9000 (CVPR 2017).
    """

    network: ClassVar[str] = "I"

    alpha: float = 0.0
    normalize: bool = False

    def __post_init__(self):
        self._log_probabilities = self.loss().log_probabilities

    def head(self, features) -> dict:
        return {"node_logits": linear(self.tree.num_nodes, "node_classifier")(features)}

    def loss(self):
        return ConditionalSoftmaxLoss(self.tree, self.alpha, self.normalize)

    def scores(self, outputs: dict):
        """Log probabilities of the classes `[B, K]`."""
        return self._log_probabilities.leaves(outputs["node_logits"])
