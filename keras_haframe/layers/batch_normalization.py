"""Keras's batch normalization with TensorFlow's fused kernel for training on images."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.tree_ops.values import Tensor


def xla_is_slow() -> bool:
    """Whether XLA does not pay: TensorFlow on a CPU (benchmarks/training.py)."""
    return keras.backend.backend() == "tensorflow" and not keras.distribution.list_devices("gpu")


@keras.saving.register_keras_serializable(package="keras_haframe")
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization`, faster where TensorFlow trains on a CPU.

    Keras 3 writes the training step of batch normalization as a dozen elementwise operations and
    leaves it to XLA to join them; but on a CPU XLA is slower on the whole and off. Feature maps
    `[B, h, w, C]` in training go through TensorFlow's fused kernel there; all else (GPUs, other
    backends, ranks and axes, float64, `synchronized`, `renorm`, masks, inference) is Keras's
    layer. Outputs, gradients, moving averages and weight files are the same.

    Args:
        synchronized: Batch statistics over all devices that train together. JAX always does so;
            Keras's layer refuses the word there.
        **kwargs: As of `keras.layers.BatchNormalization`.

    Input shape: `[B, h, w, C]`, or whatever Keras's layer takes.
    Output shape: As the input.

    Example:

    >>> norm = BatchNormalization(momentum=0.9)
    >>> maps = norm(keras.ops.ones((2, 4, 4, 3)), training=True)
    >>> keras.ops.convert_to_numpy(norm.moving_mean).round(3)
    array([0.1, 0.1, 0.1], dtype=float32)

    Reference: Ioffe and Szegedy, Batch Normalization (ICML 2015). Speed: benchmarks/training.py.
    """

    def __init__(self, *, synchronized: bool = False, **kwargs: Any) -> None:
        everywhere = keras.backend.backend() == "jax"
        super().__init__(synchronized=synchronized and not everywhere, **kwargs)
        self._wants_synchronized = bool(synchronized)

    def call(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None
    ) -> Tensor:
        if not (training and self.trainable and mask is None and self._fuses(inputs)):
            return super().call(inputs, training=training, mask=mask)
        from keras_haframe.layers.kernels import fused_batch_norm

        def exact(value: Any) -> Tensor:  # as Keras does: statistics overflow in half precision
            return ops.cast(value, "float32")

        outputs, mean, variance = fused_batch_norm(
            exact(inputs), exact(self.gamma), exact(self.beta), self.epsilon
        )
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(exact(moving) * self.momentum + value * (1 - self.momentum))
        return ops.cast(outputs, self.compute_dtype)

    def _fuses(self, inputs: Tensor) -> bool:
        return (
            xla_is_slow()  # and XLA's form of the kernel loses digits where the mean is large
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and self.scale
            and self.center
            and not self.synchronized
            and not getattr(self, "renorm", False)
            and keras.backend.standardize_dtype(inputs.dtype) != "float64"
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "synchronized": self._wants_synchronized}
