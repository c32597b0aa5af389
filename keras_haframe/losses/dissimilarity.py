"""Push apart the predictions of examples whose ancestors differ."""

from __future__ import annotations

from keras import ops

from keras_haframe.tree_ops.values import Tensor

SMALLEST = 1e-7  # the middle of two distributions is not taken for less


def log_middle(log_p: Tensor, log_q: Tensor) -> Tensor:
    """`log max((p + q) / 2, 1e-7)` of two distributions given by their logarithms."""
    return ops.log(ops.maximum(0.5 * (ops.exp(log_p) + ops.exp(log_q)), SMALLEST))


def kl_divergence(log_p: Tensor, log_m: Tensor) -> Tensor:
    """`sum_k p_k (log p_k - log m_k)` over the last axis; entries with `p_k = 0` add nothing."""
    return ops.sum(ops.exp(log_p) * (log_p - log_m), axis=-1)


def dissimilarity(
    log_p: Tensor,
    labels: Tensor,
    keys: Tensor | None = None,
    margin: float = 3.0,
    pairs: int = 256,
    present: Tensor | None = None,
) -> Tensor:
    """Hinge on the divergence of pairs of examples with different labels.

    The batch is put in the order of `keys`. Every two neighbors with different labels are a
    pair; the list of pairs is repeated until it holds `pairs` of them, at most as often as the
    batch has examples. With `m = (p + q) / 2` the term is the mean over the list of
    `(max(0, margin - KL(p || m)) + max(0, margin - KL(q || m))) / 2`; what is missing at `pairs`
    counts with the margin.

    Nothing is repeated in memory: each pair is weighed by how often the list holds it.

    Args:
        log_p: Log probabilities `[B, C]`.
        labels: int32 labels `[B]`.
        keys: Floats `[B]`; smaller ones come first. `None` keeps the order of the batch.
        margin: Margin of the hinge, positive.
        pairs: Length of the list.
        present: 1 for the examples that count, 0 for others, `[B]`; `None` for all.

    Returns:
        Scalar in `[0, margin]`.

    Reference: Garg et al., Learning Hierarchy Aware Features for Reducing Mistake Severity
    (ECCV 2022), margin loss; the list as in the released code.
    """
    if keys is None and present is not None:
        keys = ops.cast(ops.arange(ops.shape(labels)[0]), log_p.dtype)
    if keys is not None:
        if present is not None:  # the others come last
            keys = ops.where(present > 0, keys, float("inf"))
        order = ops.argsort(keys)
        log_p, labels = ops.take(log_p, order, axis=0), ops.take(labels, order, axis=0)
    count = ops.cast(ops.shape(labels)[0] if present is None else ops.sum(present), "int32")
    both = ops.arange(1, ops.shape(labels)[0]) < count
    differ = ops.cast(ops.logical_and(labels[1:] != labels[:-1], both), "int32")
    found = ops.sum(differ)
    listed = ops.minimum(pairs, found * count)
    rounds = listed // ops.maximum(found, 1)
    rest = listed - rounds * found  # the last round stops after so many pairs
    earlier = ops.cumsum(differ) - differ
    times = differ * (rounds + ops.cast(earlier < rest, "int32"))
    weights = ops.cast(times, log_p.dtype) / pairs

    p, q = log_p[:-1], log_p[1:]
    middle = log_middle(p, q)
    hinges = [ops.relu(margin - kl_divergence(side, middle)) for side in (p, q)]
    return ops.sum(weights * 0.5 * (hinges[0] + hinges[1])) + margin * (1.0 - ops.sum(weights))
