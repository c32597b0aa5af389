"""The class vectors of a classifier layer, some classes at a time."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.tree_ops.values import Tensor


class ClassVectors:
    """Vectors `[n, dim]` and biases of any n classes of a classifier layer.

    A layer is read by its method `class_vectors(classes)`, which makes the unit vectors `[n, dim]`
    of int classes `[n]` from what is no weight (a frame of given rank, for example), or else by
    its `kernel` `[dim, K]` and `bias` `[K]`, which are learned where the layer is trainable.

    Args:
        classifier: A built layer: `keras.layers.Dense`, `layers.FrameClassifier` or one of yours.

    Attributes:
        num_classes: K.
        parameters: Kernel and bias as tensors, as far as there are any.
        trainable: Whether they are learned.

    Raises:
        ValueError: If the layer has neither.

    Example:

    >>> layer = keras.layers.Dense(3, kernel_initializer="ones")
    >>> layer.build((None, 2))
    >>> vectors = ClassVectors(layer)
    >>> rows, bias = vectors.take(vectors.parameters, keras.ops.arange(2), "float32")
    >>> tuple(rows.shape), vectors.num_classes
    ((2, 2), 3)

    Reference: ours.
    """

    def __init__(self, classifier: keras.layers.Layer | None) -> None:
        self._make = getattr(classifier, "class_vectors", None)
        kernel, bias = (getattr(classifier, name, None) for name in ("kernel", "bias"))
        if self._make is not None:
            self.parameters: tuple[Tensor, ...] = ()
            self.trainable = False
            self.num_classes = int(classifier.num_classes)  # type: ignore[union-attr]
            return
        if kernel is None:
            raise ValueError(
                "Losses with `class_block`, `negatives` or `own_cosines` need the vectors of "
                "single classes: a classifier with a `kernel` [dim, K] or a method "
                f"`class_vectors`. Received: {type(classifier).__name__}. The structured frame has "
                "none: its features are as wide as the logits, so nothing would be saved. Leave "
                "these options out, or take frame='low_rank'."
            )
        given = [kernel] if bias is None else [kernel, bias]
        # As tensors: a custom gradient may not read variables.
        self.parameters = tuple(ops.convert_to_tensor(p) for p in given)
        self.num_classes = int(kernel.shape[-1])
        self.trainable = bool(classifier.trainable)  # type: ignore[union-attr]

    def take(
        self, parameters: tuple[Tensor, ...], classes: Tensor, dtype: str
    ) -> tuple[Tensor, Tensor | None]:
        """Vectors `[..., dim]` and biases `[...]` (or `None`) of int classes.

        Args:
            parameters: The attribute's tensors, or what stands for them.
            classes: int, of any shape.
            dtype: Of the result.
        """
        if self._make is not None:
            return ops.cast(self._make(classes), dtype), None
        kernel, *bias = parameters
        rows = ops.moveaxis(ops.take(kernel, classes, axis=1), 0, -1)
        biases = ops.cast(ops.take(bias[0], classes), dtype) if bias else None
        return ops.cast(rows, dtype), biases

    def gradient(self, features: Tensor, slopes: Tensor) -> tuple[Tensor, ...]:
        """Gradients of the parameters of n classes, `[dim, n]` and `[n]`, from those of logits.

        Args:
            features: `[B, dim]`.
            slopes: Gradients of the logits, `[B, n]`.
        """
        of_kernel = ops.matmul(ops.transpose(features), slopes)
        found: tuple[Any, ...] = (of_kernel, ops.sum(slopes, axis=0))
        return found[: len(self.parameters)]
