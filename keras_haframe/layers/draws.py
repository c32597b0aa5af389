"""Random numbers of a training step, as an output that a loss reads."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.tree_ops.values import Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class Draws(keras.layers.Layer):
    """Random integers for every example, from which a loss draws classes.

    A loss has no memory; the state of the generator is the model's, saved and resumed with it.

    Args:
        count: Triples m for every example.
        seed: Seed of the generator.

    Input shape: `[B, ...]`. Output: int32 `[B, m, 3]`, in training uniform from 0 to 2**15 - 1
    (exact as float32, which losses are handed), zeros otherwise.

    Example:

    >>> tuple(Draws(5)(keras.ops.ones((2, 4))).shape)
    (2, 5, 3)

    Reference: ours.
    """

    def __init__(self, count: int, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = count
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x: Tensor, training: bool | None = False) -> Tensor:
        shape = (ops.shape(x)[0], self.count, 3)
        if not training:
            return ops.zeros(shape, dtype="int32")
        return keras.random.randint(shape, 0, 2**15, dtype="int32", seed=self.seed_generator)

    def compute_output_spec(self, x: Tensor, training: bool | None = False) -> keras.KerasTensor:
        return keras.KerasTensor((x.shape[0], self.count, 3), dtype="int32")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "count": self.count, "seed": self.seed}
