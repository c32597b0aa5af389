"""TensorFlow's own kernels, for layers that are `keras.ops` otherwise."""

from __future__ import annotations

from keras_haframe.tree_ops.values import Tensor


def fused_batch_norm(
    images: Tensor, scale: Tensor, offset: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Batch normalization of one training step.

    Args:
        images: float32 `[B, h, w, C]`.
        scale: float32 `[C]`.
        offset: float32 `[C]`.
        epsilon: Added to the variance.

    Returns:
        The normalized images, their mean and their variance `[C]`, each over B, h and w; the
        variance is the population's, as Keras averages it.
    """
    import tensorflow as tf

    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=images, scale=scale, offset=offset, mean=[], variance=[], epsilon=epsilon,
        is_training=True,
    )  # fmt: skip
    count = tf.cast(tf.size(images) // images.shape[-1], images.dtype)
    return outputs, mean, variance * (count - 1) / count  # the kernel's is the sample's
