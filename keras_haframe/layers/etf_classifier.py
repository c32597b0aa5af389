"""The fixed simplex-ETF classifier."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_haframe.frames import simplex_etf
from keras_haframe.frames.choice import DENSE_CLASSES
from keras_haframe.layers.fixed_classifier import FixedClassifier
from keras_haframe.tree_ops.values import Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class ETFClassifier(FixedClassifier):
    """Classifier fixed to a simplex equiangular tight frame.

    Args:
        num_classes: K, at least 2. The features need at least K - 1 dimensions.
        seed: Seed of the random rotation of the frame.

    Beyond 1,010 classes, on features of K dimensions or more, no matrix is held: the logits are the
    first K features less their mean, times `sqrt(K / (K - 1))`, the same frame without a rotation.

    Input shape: `[B, dim]`. Output: `{"logits": [B, K], "cosines": [B, K]}`, float32, without bias.

    Example:

    >>> tuple(ETFClassifier(10)(keras.ops.ones((2, 16)))["logits"].shape)
    (2, 10)

    Reference: Yang et al., Inducing Neural Collapse in Imbalanced Learning (NeurIPS 2022).
    """

    def __init__(self, num_classes: int, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(num_classes, **kwargs)
        if num_classes < 2:
            raise ValueError(f"`num_classes` must be at least 2. Received: {num_classes}")
        self.seed = seed

    def _is_plain(self, dim: int) -> bool:
        return DENSE_CLASSES < self.num_classes <= dim

    def build(self, input_shape: Shape) -> None:
        if not self._is_plain(int(input_shape[-1])):
            super().build(input_shape)

    def logits(self, x: Tensor, training: bool | None = None) -> Tensor:
        if not self._is_plain(x.shape[-1]):
            return super().logits(x)
        x = x[:, : (k := self.num_classes)]
        return (x - ops.mean(x, axis=-1, keepdims=True)) * (k / (k - 1)) ** 0.5

    def frame(self, dim: int) -> np.ndarray:
        return simplex_etf(self.num_classes, dim, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_classes": self.num_classes, "seed": self.seed}
