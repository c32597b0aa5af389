"""What heads with one linear classifier per tree level share."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.layers.defaults import linear_init
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree.level_maps import LevelMaps
from keras_haframe.tree_ops.values import Shape, Tensor


class LevelClassifiers(keras.layers.Layer):
    """Base class of heads with one linear classifier per level of a class tree.

    Subclasses say how many features each level sees (`widths`) and compute the logits. The layer
    returns `{"logits_1": [B, K_1], .., "logits": [B, K]}`: level 1 are the children of the root,
    `"logits"` the classes. It computes in float32 under any dtype policy unless a `dtype` is
    given, because scores and ranks need the digits.

    Args:
        tree: A `ClassTree` (or its configuration).

    Attributes:
        levels: `LevelMaps` of the tree.
        kernels, biases: Weights `[width, K_l]` and `[K_l]` of every level, coarsest first.
    """

    def __init__(self, tree: ClassTree | dict, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.tree = as_tree(tree)
        self.levels = LevelMaps(self.tree)

    def widths(self, dim: int) -> list[int]:
        """Return the number of features that the classifier of every level sees."""
        return [dim] * len(self.levels)

    def build(self, input_shape: Shape) -> None:
        self.kernels, self.biases = [], []
        for level, width in enumerate(self.widths(int(input_shape[-1]))):
            size = self.levels.sizes[level]
            self.kernels.append(
                self.add_weight(
                    shape=(width, size),
                    initializer=linear_init(),
                    name=f"kernel_{level + 1}",
                )
            )
            self.biases.append(
                self.add_weight(shape=(size,), initializer="zeros", name=f"bias_{level + 1}")
            )

    @property
    def bias(self) -> Tensor:
        """Bias `[K]` of the finest classifier, which makes the scores."""
        return self.biases[-1]

    def named(self, logits: list) -> dict:
        """Return the levels' logits by name."""
        return dict(zip(self.levels.names, logits))

    def compute_output_shape(self, input_shape: Shape) -> dict[str, Shape]:
        return self.named([(input_shape[0], size) for size in self.levels.sizes])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "tree": self.tree.get_config()}


def linear(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """`x @ kernel + bias`."""
    return ops.matmul(x, kernel) + bias
