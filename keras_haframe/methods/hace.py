"""HACE: one softmax of all nodes, cross-entropy of the mass below the nodes of a path."""

from __future__ import annotations

from keras_haframe import losses
from keras_haframe.methods.base import Method, Norm, linear, register
from keras_haframe.tree_ops.values import Tensor


@register("hace")
class HACE(Method):
    """A linear layer to all N nodes; a node is as likely as its softmax and all below it.

    Reference: HACE (arXiv 2605.06274).
    """

    Loss = losses.NodeMassLoss

    def head(self, features: Tensor, norm: Norm) -> dict:
        return {"node_logits": linear(self.tree.num_nodes, "node_classifier")(features)}

    def scores(self, outputs: dict) -> Tensor:
        """Logits of the classes `[B, K]`."""
        return outputs["node_logits"][:, : self.tree.num_classes]
