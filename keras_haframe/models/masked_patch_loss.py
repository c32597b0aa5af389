"""The loss of masked autoencoders."""

from __future__ import annotations

from keras import ops

from keras_haframe.tree_ops.values import Tensor, full_precision


def patch_statistics(patches: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the values of every patch.

    Args:
        patches: `[B, L, P]`.

    Returns:
        Two tensors `[B, L, 1]`; the second is `sqrt(variance + 1e-6)`, with the unbiased variance.
    """
    mean = ops.mean(patches, axis=-1, keepdims=True)
    count = max(patches.shape[-1] - 1, 1)
    variance = ops.sum(ops.square(patches - mean), axis=-1, keepdims=True) / count
    return mean, ops.sqrt(variance + 1e-6)


def masked_patch_loss(
    patches: Tensor, pixels: Tensor, mask: Tensor, normalize: bool = True
) -> Tensor:
    """Mean squared error of the pixels of hidden patches, in at least float32.

    Args:
        patches: Original patches `[B, L, P]`.
        pixels: Predicted patches `[B, L, P]`.
        mask: `[B, L]`, 1 for hidden patches, which count.
        normalize: Whether to normalize original patches by their own mean and standard deviation.

    Returns:
        Scalar; 0 where no patch is hidden.

    Example:

    >>> float(masked_patch_loss([[[1.0], [2.0]]], [[[4.0], [0.0]]], [[1.0, 0.0]], normalize=False))
    9.0

    Reference: He et al., Masked Autoencoders (CVPR 2022).
    """
    patches, pixels, mask = (full_precision(value) for value in (patches, pixels, mask))
    if normalize:
        mean, std = patch_statistics(patches)
        patches = (patches - mean) / std
    errors = ops.mean(ops.square(pixels - patches), axis=-1)
    return ops.sum(errors * mask) / ops.maximum(ops.sum(mask), 1.0)
