"""Cross-entropy and cosine loss over blocks of classes: exact, in memory of B x block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from keras_haframe.layers.fixed_classifier import inverse_norm
from keras_haframe.losses.class_vectors import ClassVectors
from keras_haframe.losses.own_cosines import OwnCosines
from keras_haframe.tree_ops.target_rows import TargetRows
from keras_haframe.tree_ops.values import Tensor

LEAST = -1e30  # of the running maximum; finite, so that no difference is NaN


def over_blocks(step: Callable, start: Any, count: int, block: int) -> Any:
    """Fold `step(first, size, carry)` over the classes: the full blocks, then what remains.

    Args:
        step: Function of the first class of a block, its number of classes and what was carried.
        start: What the first step gets.
        count: Number of classes.
        block: Number of classes of a full block.
    """
    whole, rest = divmod(count, block)
    if whole == 1:
        start = step(0, block, start)
    elif whole:
        start = ops.fori_loop(0, whole, lambda i, carry: step(i * block, block, carry), start)
    return step(whole * block, rest, start) if rest else start


def block_terms(
    features: Tensor,
    labels: Tensor,
    vectors: ClassVectors,
    block: int,
    targets: TargetRows | OwnCosines | None = None,
) -> tuple[Tensor, Tensor]:
    """Cross-entropy and cosine loss of every example, `[B]` each, without logits `[B, K]`.

    Per example a maximum, a sum of exponentials, the label's logit and the squared distance of the
    cosines are carried from block to block. The gradient is a formula in the same numbers,
    `softmax - onehot` and `2 (cos - S) / |x|` by class, so the backward pass walks the blocks again
    and keeps none.

    Args:
        features: Float tensor `[B, dim]`.
        labels: int `[B]`; exact up to 16 million classes in float32.
        vectors: The classifier's.
        block: Number of classes at a time.
        targets: Rows of the target cosines; without them the cosine loss is 0.

    Reference: ours; the running maximum as in Milakov and Gimelshein, Online normalizer calculation
    for softmax (2018).
    """
    count = vectors.num_classes

    @ops.custom_gradient
    def terms(x: Tensor, marks: Tensor, *parameters: Tensor) -> tuple[Tensor, Callable]:
        inverse = inverse_norm(x)
        own = ops.cast(marks, "int32")

        def scores(first: Any, size: int) -> tuple[Tensor, Tensor, Tensor]:
            classes = first + ops.arange(size, dtype="int32")
            w, bias = vectors.take(parameters, classes, x.dtype)
            z = ops.matmul(x, ops.transpose(w))
            return classes, w, z if bias is None else z + bias

        def off(classes: Tensor, z: Tensor) -> Tensor:
            return z * inverse - targets.at(own, classes)  # type: ignore[union-attr]

        def forward(first: Any, size: int, carry: tuple) -> tuple:
            top, total, mine, squared = carry
            classes, _, z = scores(first, size)
            higher = ops.maximum(top, ops.max(z, axis=1))
            exponentials = ops.sum(ops.exp(z - higher[:, None]), axis=1)
            total = total * ops.exp(top - higher) + exponentials
            mine = mine + ops.sum(ops.where(own[:, None] == classes, z, ops.zeros_like(z)), axis=1)
            if targets is not None:
                squared = squared + ops.sum(ops.square(off(classes, z)), axis=1)
            return higher, total, mine, squared

        zero = ops.zeros_like(inverse[:, 0])
        top, total, mine, squared = over_blocks(
            forward, (zero + LEAST, zero, zero, zero), count, block
        )

        def gradient(*args: Tensor, upstream: Tensor | None = None) -> tuple:
            # PyTorch hands in the arguments again, and the gradient by name.
            above = args[0] if upstream is None else upstream
            entropy, cosine = above[0][:, None], above[1][:, None]

            def by_logit(classes: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
                hit = ops.cast(own[:, None] == classes, z.dtype)
                slope = entropy * (ops.exp(z - top[:, None]) / total[:, None] - hit)
                if targets is None:
                    return slope, zero
                pull = 2.0 * off(classes, z)
                along = ops.sum(pull * z, axis=1) * inverse[:, 0]  # the cosine falls with |x|
                return slope + cosine * inverse * pull, along

            def backward(first: Any, size: int, carry: tuple) -> tuple:
                slopes, falls = carry
                classes, w, z = scores(first, size)
                slope, along = by_logit(classes, z)
                return slopes + ops.matmul(slope, w), falls + along

            slopes, falls = over_blocks(backward, (ops.zeros_like(x), zero), count, block)
            if targets is not None:
                slopes = slopes - cosine * falls[:, None] * ops.square(inverse) * x

            def of_parameters(first: Any, size: int) -> tuple[Tensor, ...]:
                classes, _, z = scores(first, size)
                return vectors.gradient(x, by_logit(classes, z)[0])

            own_gradients = tuple(ops.zeros_like(p) for p in parameters)
            if vectors.trainable:
                own_gradients = _by_block(of_parameters, count, block)
            return (slopes, ops.zeros_like(marks), *own_gradients)

        entropies = ops.log(total) - (mine - top)  # in this order the digits stay
        return ops.stack([entropies, squared]), gradient

    marks = ops.cast(labels, features.dtype)
    both = terms(features, marks, *vectors.parameters)
    return both[0], both[1]


def _by_block(make: Callable, count: int, block: int) -> tuple[Tensor, ...]:
    """Arrays whose last axis is the classes, made block by block and joined."""
    whole, rest = divmod(count, block)
    parts: list[tuple[Tensor, ...]] = []
    if whole == 1:
        parts.append(make(0, block))
    elif whole:
        stacked = ops.map(lambda i: make(i * block, block), ops.arange(whole, dtype="int32"))
        parts.append(tuple(_joined(s) for s in stacked))
    if rest:
        parts.append(make(whole * block, rest))
    return tuple(p[0] if len(p) == 1 else ops.concatenate(p, axis=-1) for p in zip(*parts))


def _joined(blocks: Tensor) -> Tensor:
    """`[n, ..., block]` as `[..., n * block]`."""
    axes = list(range(1, len(blocks.shape) - 1))
    moved = ops.transpose(blocks, (*axes, 0, len(blocks.shape) - 1))
    return ops.reshape(moved, (*moved.shape[:-2], moved.shape[-2] * moved.shape[-1]))
