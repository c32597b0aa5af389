"""Conditional softmax (YOLO-v2): a logit per tree node, a softmax per group of siblings."""

from __future__ import annotations

from keras_haframe import losses
from keras_haframe.methods.base import Method, Norm, linear, register
from keras_haframe.tree_ops.values import Tensor


@register("conditional_softmax")
class ConditionalSoftmax(Method):
    """A linear layer to all N nodes; a class is as likely as all the choices on its path.

    Reference: Redmon and Farhadi, YOLO9000 (CVPR 2017).
    """

    Loss = losses.ConditionalSoftmaxLoss

    def head(self, features: Tensor, norm: Norm) -> dict:
        return {"node_logits": linear(self.tree.num_nodes, "node_classifier")(features)}

    def scores(self, outputs: dict) -> Tensor:
        """Log probabilities of the classes `[B, K]`."""
        return self.loss.log_probabilities.leaves(outputs["node_logits"])
