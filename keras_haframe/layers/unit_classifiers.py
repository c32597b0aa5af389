"""One classifier of unit vectors per tree level, and how parents agree with their children."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.layers.fixed_classifier import inverse_norm
from keras_haframe.layers.level_classifiers import LevelClassifiers, linear
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.values import Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class UnitClassifiers(LevelClassifiers):
    """Learnable classifiers on the same features, one per level, with class vectors of norm one.

    `z_l = x U_l + b_l`, where the columns of `U_l` are those of the kernel divided by their norm;
    the features are not normalized. Beside the logits the outputs hold what
    `losses.HAFeatureLoss` needs:

    - `"geometry"` `[B]`: the same number for every example, the sum over the levels but the finest
      of the mean, over the level's nodes, of the cosine between the node's vector and the sum of
      its children's vectors.
    - `"shuffle"` `[B, L - 1]`: in training, random keys that put the batch in a random order for
      each level but the finest; zeros otherwise. Left out where the tree has one level.

    Args:
        tree: A `ClassTree` (or its configuration).
        seed: Seed of the random order.

    Input shape: `[B, P]`.

    Reference: Garg et al., Learning Hierarchy Aware Features for Reducing Mistake Severity
    (ECCV 2022).
    """

    def __init__(self, tree: ClassTree | dict, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(tree, **kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def _rows(self, level: int) -> Tensor:
        rows = ops.transpose(self.kernels[level])
        return rows * inverse_norm(rows)

    def geometry(self) -> list:
        """Mean cosine of nodes and the sum of their children, for levels 1 to L - 1."""
        terms = []
        for level, parents in enumerate(self.levels.parents):
            size = self.levels.sizes[level]
            children = ops.segment_sum(self._rows(level + 1), parents, size)
            cosines = ops.sum(self._rows(level) * children * inverse_norm(children), axis=-1)
            terms.append(ops.mean(cosines))
        return terms

    def call(self, x: Tensor, training: bool | None = False) -> dict[str, Tensor]:
        levels = range(len(self.levels))
        outputs = self.named(
            [linear(x, ops.transpose(self._rows(i)), self.biases[i]) for i in levels]
        )
        outputs["geometry"] = sum(self.geometry(), ops.zeros_like(x[:, 0]))
        if len(self.levels) > 1:
            shape = (ops.shape(x)[0], len(self.levels) - 1)
            if training:
                keys = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
            else:
                keys = ops.zeros(shape, dtype="float32")
            outputs["shuffle"] = keys
        return outputs

    @property
    def kernel(self) -> Tensor:
        """Kernel `[P, K]` of the finest classifier, with unit columns."""
        return ops.transpose(self._rows(len(self.levels) - 1))

    def compute_output_shape(self, input_shape: Shape) -> dict[str, Shape]:
        shapes = {**super().compute_output_shape(input_shape), "geometry": (input_shape[0],)}
        if len(self.levels) > 1:
            shapes["shuffle"] = (input_shape[0], len(self.levels) - 1)
        return shapes

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}
