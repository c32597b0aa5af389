"""LARS, with which linear probes are trained at large batches."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_haframe")
class LARS(keras.optimizers.SGD):
    """SGD with momentum whose gradients are scaled layer by layer to the size of the weights.

    Weights of two dimensions and more: `g <- q (g + decay w)` with `q = trust |w| / |g + decay w|`
    (1 where either is zero). All: `v <- momentum v + g`, `w <- w - lr v`. Biases and scales are not
    scaled and do not decay.

    Args:
        learning_rate: Number or schedule.
        momentum: Momentum.
        coupled_weight_decay: Decay added to the gradient.
        trust: Trust coefficient.
        name: Name of the optimizer.
        **kwargs: Further arguments of `keras.optimizers.SGD`.

    Raises:
        ValueError: For values out of range, and for Keras's `weight_decay` and `nesterov`.

    Example:

    >>> optimizer = LARS(1.0, trust=0.1)
    >>> kernel = keras.Variable([[3.0, 4.0]])
    >>> optimizer.build([kernel])
    >>> optimizer.apply([keras.ops.array([[0.0, 2.0]])])
    >>> [round(float(w), 4) for w in kernel.numpy()[0]]  # a step of 0.1 |w|
    [3.0, 3.5]

    Reference: You et al., Large Batch Training of Convolutional Networks (2017), as in the code
    that He et al., Masked Autoencoders (CVPR 2022), release.
    """

    def __init__(
        self,
        learning_rate: Any = 0.1,
        momentum: float = 0.9,
        coupled_weight_decay: float = 0.0,
        trust: float = 0.001,
        name: str = "lars",
        **kwargs: Any,
    ):
        for word, value in (("coupled_weight_decay", coupled_weight_decay), ("trust", trust)):
            if not 0 <= value < math.inf:
                raise ValueError(f"`{word}` must be in [0, inf). Received: {word}={value}")
        if not 0 < momentum < 1:
            raise ValueError(f"`momentum` must be between 0 and 1. Received: momentum={momentum}")
        if kwargs.get("weight_decay") or kwargs.get("nesterov"):
            raise ValueError(
                "`LARS` takes neither Keras's decoupled `weight_decay` nor `nesterov`: use "
                f"`coupled_weight_decay`. Received: {kwargs}"
            )
        super().__init__(learning_rate, float(momentum), name=name, **kwargs)
        self.coupled_weight_decay, self.trust = float(coupled_weight_decay), float(trust)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        gradient = ops.cast(gradient, variable.dtype)
        if len(variable.shape) > 1:
            gradient = gradient + self.coupled_weight_decay * variable
            size, slope = (ops.sqrt(ops.sum(ops.square(v))) for v in (variable, gradient))
            scale = self.trust * size / ops.where(slope > 0, slope, 1.0)
            gradient = gradient * ops.where((size > 0) & (slope > 0), scale, 1.0)
        velocity = self.momentums[self._get_variable_index(variable)]
        self.assign(velocity, self.momentum * velocity + gradient)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * velocity)

    def get_config(self) -> dict[str, Any]:
        own = {"coupled_weight_decay": self.coupled_weight_decay, "trust": self.trust}
        return {**super().get_config(), **own}
