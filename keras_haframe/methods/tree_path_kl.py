"""Tree-path KL: one head per level, held to one path of the tree."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from keras_haframe.losses import TreePathKL
from keras_haframe.methods.base import Method, linear, register
from keras_haframe.tree.level_maps import LevelMaps


@register("tree_path_kl")
@dataclasses.dataclass
class TreePathKLMethod(Method):
    """A linear classifier per level on the same features, with a loss over the whole path.

    Scores are the logits of the finest head.

    Options:
        weight: Weight of the tree-path KL divergence (paper: 0.5).

    Reference: Park et al., Visually Consistent Hierarchical Image Classification (ICLR 2025), the
    semantic part; the paper's superpixel transformer, which feeds every head its own features, is
    not part of it.
    """

    network: ClassVar[str] = "I"
    weight: float = 0.5

    def __post_init__(self):
        self.loss()  # checks the options before any layer is made

    def head(self, features) -> dict:
        levels = LevelMaps(self.tree)
        return {
            name: linear(size, name.replace("logits", "classifier"))(features)
            for name, size in zip(levels.names, levels.sizes)
        }

    def loss(self):
        return TreePathKL(self.tree, self.weight)
