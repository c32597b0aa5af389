"""Hier-COS: one orthogonal axis per tree node, classes scored by the length along their path."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
from keras import ops

from keras_haframe.frames.node_weights import levels
from keras_haframe.losses import HierCosLoss
from keras_haframe.methods.base import Method, register


@register("hier_cos")
@dataclasses.dataclass
class HierCos(Method):
    """Features spread over the axes of the nodes on the path of their class.

    Head: a fixed random rotation of features of N - 1 dimensions, one per node but the root. The
    score of a class is the length of the features within the span of its path.

    Options:
        alpha: Weight of the regularity term (paper: CIFAR-100 0.05, FGVC-Aircraft 0.1, iNaturalist
            2019 1e-3, tieredImageNet-H 1e-5).
        seed: Seed of the rotation.

    Reference: Sani and Anand, Hier-COS (arXiv 2503.07853).
    """

    alpha: float = 0.1
    seed: int = 0

    def __post_init__(self):
        self.loss()  # checks the options before any layer is made

    @property
    def units(self) -> int:
        return self.tree.num_nodes - 1

    def head(self, features) -> dict:
        if features.shape[-1] < self.units:
            raise ValueError(
                f"hier_cos needs features of at least {self.units} dimensions, one per node of the "
                f"tree but the root. Received: {features.shape[-1]}. Use network='II', or "
                f"hidden_units={self.units}."
            )
        rotation = keras.layers.Dense(
            self.units,
            use_bias=False,
            kernel_initializer=keras.initializers.Orthogonal(seed=self.seed),
            trainable=False,
            dtype="float32",
            name="rotation",
        )
        return {"nodes": rotation(features)}

    def loss(self):
        return HierCosLoss(self.tree, self.alpha)

    def scores(self, outputs: dict):
        return path_lengths(outputs["nodes"], self.tree)


def path_lengths(nodes, tree):
    """Euclidean length of node coordinates along the path of every class.

    One gather per tree level, O(N) per example; no K x N matrix of paths.

    Args:
        nodes: `[B, N - 1]`, a coordinate per node in the order of `tree.nodes`, without the root.
        tree: A `ClassTree`.

    Returns:
        `[B, K]`, `sqrt(sum of x_a^2 over the class and its ancestors a, without the root)`.
    """
    nodes = ops.convert_to_tensor(nodes)
    squares = nodes * nodes
    by_depth = levels(tree)
    slot = np.zeros(tree.num_nodes, np.int32)
    sums, done, classes = ops.zeros_like(squares[:, :1]), [], []
    for here in by_depth[1:]:
        sums = ops.take(sums, slot[tree.parents[here]], axis=1) + ops.take(
            squares, here.astype(np.int32), axis=1
        )
        slot[here] = np.arange(len(here))
        leaf = here[here < tree.num_classes]
        if len(leaf):
            done.append(ops.take(sums, slot[leaf], axis=1))
            classes.append(leaf)
    order = np.argsort(np.concatenate(classes)).astype(np.int32)
    return ops.sqrt(ops.take(ops.concatenate(done, axis=1), order, axis=1))
