"""How classifier rows and class means lie to each other: self-duality, and angles of a set."""

from __future__ import annotations

import numpy as np

from keras_haframe.collapse.checks import check_matrix
from keras_haframe.collapse.pairs import AngleGap, GramGap, cross_gap, gram_pass, product_norm
from keras_haframe.collapse.targets import (
    EtfTarget,
    GivenTarget,
    GramTarget,
    center,
    check_convention,
    check_target,
    class_prior,
)
from keras_haframe.tree_ops.values import Tensor, to_numpy


def duality(classifier: np.ndarray, means: np.ndarray) -> float:
    """Squared distance of two matrices after each is scaled to unit Frobenius norm.

    Args:
        classifier: `[K, d]` classifier rows A.
        means: `[K, d]` class means M, centered or raw.

    Returns:
        `|A/|A|_F - M/|M|_F|_F^2`, in `[0, 4]`; NaN if either is zero.

    Raises:
        ValueError: If the shapes differ.

    Example:

    >>> round(duality(np.eye(2), 3 * np.eye(2)), 12)
    0.0

    Reference: Papyan, Han, Donoho, PNAS 2020, figure 5.
    """
    classifier, means = np.asarray(classifier, np.float64), np.asarray(means, np.float64)
    if classifier.shape != means.shape or means.ndim != 2:
        raise ValueError(
            "`classifier` and `means` must both be [K, d]. "
            f"Received shapes: {classifier.shape} and {means.shape}."
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = classifier / np.linalg.norm(classifier) - means / np.linalg.norm(means)
    return float(np.sum(gap * gap))


def row_alignment(classifier: np.ndarray, means: np.ndarray) -> float:
    """Mean over classes of the cosine between a classifier row and its class mean."""
    norms = np.linalg.norm(classifier, axis=1) * np.linalg.norm(means, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.mean(np.einsum("ij,ij->i", classifier, means) / norms))


def equinorm(vectors: np.ndarray, lengths: np.ndarray) -> float:
    """Coefficient of variation of the norms, relative to the lengths the target gives them."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.linalg.norm(vectors, axis=1) / lengths
        return float(np.std(ratios) / np.mean(ratios))


def tail_angle(vectors: np.ndarray, counts: np.ndarray, share: float = 1 / 3) -> float:
    """Smallest angle in degrees between vectors of the rarest classes.

    Under long-tailed training with a learnable head the tail vectors merge ("minority collapse"),
    and this angle goes to zero.

    Args:
        vectors: `[K, d]` classifier rows or centered class means.
        counts: `[K]` samples per class. Classes no larger than the `ceil(share K)`-th smallest
            count, and at least the second smallest, are the tail: on balanced data all of them.
        share: Part of the classes to call tail.

    Returns:
        The angle; NaN with fewer than two classes.

    Reference: Fang et al., "Exploring deep neural networks via layer-peeled model", PNAS 2021.
    """
    counts = np.asarray(counts)
    if counts.size < 2:
        return float("nan")
    last = max(int(np.ceil(share * counts.size)), 2) - 1
    chosen = np.ascontiguousarray(vectors[counts <= np.partition(counts, last)[last]])
    angles = AngleGap(chosen, EtfTarget(len(chosen)))
    gram_pass(chosen, [angles])
    return angles.result()[2]


def frame_gap(
    vectors: Tensor,
    target: GivenTarget | None = None,
    other: Tensor | None = None,
    *,
    counts: Tensor | None = None,
    mean: str = "class",
    centered: bool = True,
) -> dict[str, float]:
    """NC2- and NC3-like distances of any vectors to a target Gram matrix.

    What `NeuralCollapse` applies to class means, for classifier rows or embeddings. With a frozen
    frame the gap of the classifier itself is zero by construction: check it, do not plot it.

    Args:
        vectors: `[K, d]` one vector per class.
        target: None for the simplex ETF, `[K, K]` Gram matrix S, or a callable giving its rows.
        other: Optional `[K, d]`: compares `other vectors'` with the target as well.
        counts: Optional `[K]` samples per class, for `mean="sample"`.
        mean: `"class"` or `"sample"`: how `vectors` and S are centered when `centered`.
        centered: False leaves `vectors` and S without centering.

    Returns:
        A dict with `gram` (`|V V'/|.| - T|_F`), `angle_mean` (mean over pairs of
        `|cos - target|`), `angle_std`, `min_angle` in degrees, and `cross` if `other` is given.

    Raises:
        ValueError: On wrong shapes or values, or fewer than two rows.

    Example:

    >>> round(frame_gap(np.eye(3))["gram"], 12)
    0.0
    """
    check_convention(mean)
    vectors = np.atleast_2d(to_numpy(vectors, "vectors"))
    vectors = check_matrix(vectors, "vectors", None, vectors.shape[-1]).astype(np.float64)
    k = len(vectors)
    if k < 2:
        raise ValueError(f"`vectors` must have at least two rows. Received: {k}.")
    target = check_target(target, k)
    prior = None
    if centered:
        prior = class_prior(np.ones(k) if counts is None else counts, mean)
        vectors = center(vectors, prior)
    goal = EtfTarget(k) if target is None else GramTarget(target, np.arange(k), prior)
    gram, angles = GramGap(product_norm(vectors, vectors), goal), AngleGap(vectors, goal)
    gram_pass(vectors, [gram, angles])
    result = dict(zip(("angle_mean", "angle_std", "min_angle"), angles.result()))
    result["gram"] = gram.result()
    if other is not None:
        other = check_matrix(other, "other", k, vectors.shape[1]).astype(np.float64)
        result["cross"] = cross_gap(other, vectors, [goal])[0]
    return result
