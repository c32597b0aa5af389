"""A classifier whose vectors are given by geometry and never trained."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_haframe.tree_ops.values import Shape, Tensor

NORM_EPSILON = 1e-8


def inverse_norm(x: Tensor) -> Tensor:
    """`1 / |x|` per row, shape `[B, 1]`; 0 for rows shorter than 1e-8, which have no direction.

    Batch normalization makes a batch of one sample exactly zero. Any other finite value there
    would be the gradient of a cosine, and 1e8 in its place throws the weights away in one step.
    """
    squared = ops.sum(x * x, axis=-1, keepdims=True)
    inverse = ops.rsqrt(ops.maximum(squared, NORM_EPSILON**2))
    return ops.where(squared > NORM_EPSILON**2, inverse, ops.zeros_like(inverse))


class FixedClassifier(keras.layers.Layer):
    """Base class of classifiers with frozen unit vectors and no bias.

    Subclasses give the vectors by `frame(dim)`. The layer returns, for features `x` `[B, dim]`,
    `{"logits": x W', "cosines": logits / |x|}`, each `[B, K]`. It computes in float32 under any
    dtype policy unless a `dtype` is given, because scores and ranks need the digits.

    Args:
        num_classes: K.
    """

    def __init__(self, num_classes: int, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        kwargs["trainable"] = False
        super().__init__(**kwargs)
        self.num_classes = int(num_classes)

    def frame(self, dim: int) -> np.ndarray:
        """Return the class vectors as a float64 `[K, dim]` matrix with unit rows."""
        raise NotImplementedError

    def build(self, input_shape: Shape) -> None:
        rows = self.frame(int(input_shape[-1]))
        self.kernel = self.add_weight(
            shape=rows.T.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(rows.T, dtype=dtype),
            trainable=False,
            name="kernel",
        )

    def logits(self, x: Tensor, training: bool | None = None) -> Tensor:
        """Inner products `[B, K]` of features with the class vectors."""
        return ops.matmul(x, self.kernel)

    def call(self, x: Tensor, training: bool | None = None) -> dict[str, Tensor]:
        logits = self.logits(x, training)
        return {"logits": logits, "cosines": logits * inverse_norm(x)}

    def compute_output_shape(self, input_shape: Shape) -> dict[str, Shape]:
        shape = (input_shape[0], self.num_classes)
        return {"logits": shape, "cosines": shape}

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["trainable"]
        return config
