"""The fixed simplex-ETF classifier."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_haframe.frames import simplex_etf
from keras_haframe.layers.fixed_classifier import FixedClassifier


@keras.saving.register_keras_serializable(package="keras_haframe")
class ETFClassifier(FixedClassifier):
    """Classifier fixed to a simplex equiangular tight frame.

    Args:
        num_classes: K, at least 2. The features need at least K - 1 dimensions.
        seed: Seed of the random rotation of the frame.

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

    def frame(self, dim: int) -> np.ndarray:
        return simplex_etf(self.num_classes, dim, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_classes": self.num_classes, "seed": self.seed}
