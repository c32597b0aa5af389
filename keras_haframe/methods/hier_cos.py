"""Hier-COS: one orthogonal axis per tree node, classes scored by the length along their path."""

from __future__ import annotations

from typing import Any, ClassVar

import keras

from keras_haframe import losses
from keras_haframe.frames.choice import DENSE_CLASSES
from keras_haframe.methods.base import Method, Norm, register
from keras_haframe.tree_ops.path_lengths import path_lengths
from keras_haframe.tree_ops.values import Tensor


@register("hier_cos")
class HierCos(Method):
    """Features spread over the axes of the nodes on the path of their class.

    Head: a fixed random rotation of features of N - 1 dimensions, one per node but the root (none
    beyond 1,010 classes, where it would hold N^2 numbers). The score of a class is the length of
    the features within the span of its path.

    Args:
        seed: Seed of the rotation.

    Reference: Sani and Anand, Hier-COS (arXiv 2503.07853).
    """

    wide = True
    Loss = losses.HierCosLoss
    head_options: ClassVar[dict[str, Any]] = {"seed": 0}

    @property
    def units(self) -> int:
        return self.tree.num_nodes - 1

    def head(self, features: Tensor, norm: Norm) -> dict:
        if features.shape[-1] < self.units:
            raise ValueError(
                f"hier_cos needs features of at least {self.units} dimensions, one per node of the "
                f"tree but the root. Received: {features.shape[-1]}. Use network='II', or "
                f"hidden_units={self.units}."
            )
        if self.tree.num_classes > DENSE_CLASSES:
            return {"nodes": keras.layers.Identity(dtype="float32")(features[:, : self.units])}
        rotation = keras.layers.Dense(
            self.units,
            use_bias=False,
            kernel_initializer=keras.initializers.Orthogonal(seed=self.seed),
            trainable=False,
            dtype="float32",
            name="rotation",
        )
        return {"nodes": rotation(features)}

    def scores(self, outputs: dict) -> Tensor:
        return path_lengths(outputs["nodes"], self.tree)
