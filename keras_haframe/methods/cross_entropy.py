"""Plain cross-entropy: the baseline that knows no tree."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from keras_haframe.losses import CrossEntropy
from keras_haframe.methods.base import Method, linear, register


@register("cross_entropy")
@dataclasses.dataclass
class CrossEntropyMethod(Method):
    """A learnable linear classifier with softmax cross-entropy (type I network by default)."""

    network: ClassVar[str] = "I"

    def head(self, features) -> dict:
        return {"logits": linear(self.tree.num_classes)(features)}

    def loss(self):
        return CrossEntropy()
