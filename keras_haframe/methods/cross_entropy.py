"""Plain cross-entropy: the baseline that knows no tree."""

from __future__ import annotations

from keras_haframe import losses
from keras_haframe.methods.base import LinearMethod, register


@register("cross_entropy")
class CrossEntropy(LinearMethod):
    """A learnable linear classifier with softmax cross-entropy."""

    Loss = losses.CrossEntropy
