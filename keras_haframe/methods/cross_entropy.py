"""Plain cross-entropy: the baseline that knows no tree."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import keras

from keras_haframe.losses import CrossEntropy
from keras_haframe.methods.base import Method, linear_init, register


@register("cross_entropy")
@dataclasses.dataclass
class CrossEntropyMethod(Method):
    """A learnable linear classifier with softmax cross-entropy (type I network by default)."""

    network: ClassVar[str] = "I"

    def head(self, features) -> dict:
        dense = keras.layers.Dense(
            self.tree.num_classes,
            kernel_initializer=linear_init(),
            dtype="float32",
            name="classifier",
        )
        return {"logits": dense(features)}

    def loss(self):
        return CrossEntropy()
