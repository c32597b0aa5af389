"""Tree-path KL: one head per level, held to one path of the tree."""

from __future__ import annotations

from keras_haframe import losses
from keras_haframe.methods.base import Method, Norm, linear, register
from keras_haframe.tree_ops.values import Tensor


@register("tree_path_kl")
class TreePathKL(Method):
    """A linear classifier per level on the same features, with a loss over the whole path.

    Scores are the logits of the finest head.

    Reference: Park et al., Visually Consistent Hierarchical Image Classification (ICLR 2025), the
    semantic part; the paper's superpixel transformer, which feeds every head its own features, is
    not part of it.
    """

    Loss = losses.TreePathKLLoss

    def head(self, features: Tensor, norm: Norm) -> dict:
        levels = self.loss.levels
        return {
            name: linear(size, name.replace("logits", "classifier"))(features)
            for name, size in zip(levels.names, levels.sizes)
        }
