"""Target cosines that are those of a classifier's own vectors."""

from __future__ import annotations

import keras
from keras import ops

from keras_haframe.losses.class_vectors import ClassVectors
from keras_haframe.tree_ops.values import Tensor


class OwnCosines:
    """Rows `w_y W'` of the cosines between a classifier's unit vectors, in place of the tree's.

    A frame of few dimensions has the tree's cosines only to about `1 / sqrt(dim)`. Over K classes
    these errors outweigh the one class that tells a label from its siblings, and the nearest point
    to the tree's cosines is a mean of relatives. To the frame's own cosines it is the class vector.

    Args:
        classifier: A built layer of unit vectors without bias, as `ClassVectors` reads it.
        dtype: Dtype of the rows.

    Reference: ours.
    """

    def __init__(self, classifier: keras.layers.Layer | None, dtype: str) -> None:
        self.vectors = ClassVectors(classifier)
        self.logits = getattr(classifier, "logits", None)
        self.dtype = dtype

    def _rows(self, classes: Tensor) -> Tensor:
        return self.vectors.take(self.vectors.parameters, classes, self.dtype)[0]

    def __call__(self, labels: Tensor) -> Tensor:
        """Rows `[B, K]` for int labels `[B]`."""
        own = self._rows(labels)
        if self.logits is not None:  # a fast transform, where the layer has one
            return ops.cast(self.logits(own), self.dtype)
        everyone = ops.arange(self.vectors.num_classes, dtype="int32")
        return ops.matmul(own, ops.transpose(self._rows(everyone)))

    def at(self, labels: Tensor, classes: Tensor) -> Tensor:
        """Entries `[B, n]` for int labels `[B]` and int classes `[n]` or `[B, n]`."""
        own, theirs = self._rows(labels), self._rows(classes)
        if len(classes.shape) == 1:
            return ops.matmul(own, ops.transpose(theirs))
        return ops.einsum("bd,bnd->bn", own, theirs)
