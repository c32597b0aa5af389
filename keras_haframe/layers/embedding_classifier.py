"""Cosines of features to given class vectors."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from keras_haframe.layers.fixed_classifier import FixedClassifier


def check_vectors(vectors: ArrayLike) -> np.ndarray | tuple[int, int]:
    """Return class vectors as a float64 `[K, d]` array of unit rows, or a shape `(K, d)` as is.

    Raises:
        ValueError: If they are neither, or a vector is zero or not finite.
    """
    array = np.asarray(vectors)
    if array.shape == (2,) and array.dtype.kind in "iu" and (array > 0).all():
        return tuple(array.tolist())
    if array.ndim != 2 or array.dtype.kind not in "iuf":
        raise ValueError(
            "`vectors` must be numbers of shape [K, d], one row per class in label order. "
            f"Received shape: {array.shape}"
        )
    array = array.astype(np.float64)
    norms = np.linalg.norm(array, axis=1, keepdims=True)
    bad = np.flatnonzero(~(np.isfinite(norms) & (norms > 0)))
    if bad.size:
        raise ValueError(
            f"Class {bad[0]} has a vector that is zero or not finite. Every class needs a "
            "direction: drop the class, or give it the mean of its neighbors."
        )
    return array / norms


@keras.saving.register_keras_serializable(package="keras_haframe")
class EmbeddingClassifier(FixedClassifier):
    """Classifier fixed to given class vectors, such as word vectors.

    Args:
        vectors: `[K, d]`, one vector per class in label order, scaled to unit length here; or the
            pair `(K, d)` where the vectors will come with saved weights (until then the outputs
            are NaN).

    Input shape: `[B, d]`. Output: `{"logits": [B, K], "cosines": [B, K]}`, float32, without bias.

    The vectors are a non-trainable weight; the configuration holds their shape only.

    Example:

    >>> outputs = EmbeddingClassifier([[3.0, 4.0], [0.0, 2.0]])(keras.ops.ones((1, 2)))
    >>> keras.ops.convert_to_numpy(outputs["logits"]).round(6)
    array([[1.4, 1. ]], dtype=float32)
    """

    def __init__(self, vectors: ArrayLike, **kwargs: Any) -> None:
        vectors = check_vectors(vectors)
        self.shape = vectors if isinstance(vectors, tuple) else vectors.shape
        super().__init__(self.shape[0], **kwargs)
        self._vectors = vectors

    def frame(self, dim: int) -> np.ndarray:
        if dim != self.shape[1]:
            raise ValueError(
                f"Features must have {self.shape[1]} dimensions, as the class vectors have. "
                f"Received: {dim}"
            )
        if isinstance(self._vectors, tuple):
            return np.full(self.shape, np.nan)
        return self._vectors

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vectors": list(self.shape)}
