"""How far the cosines of a frame are from the target, on sampled pairs of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from keras_haframe.frames.target_cosines import TargetCosines

if TYPE_CHECKING:
    from keras_haframe.frames.low_rank_frame import LowRankFrame


class GramError(NamedTuple):
    """What `gram_error` finds.

    Attributes:
        root_mean_square, largest: Of the errors over all sampled pairs.
        siblings: Root mean square over the pairs of siblings among them, NaN without any.
        expected: Root mean square of `(1 - s^2) / sqrt(dim)` over the pairs of target cosines s,
            the bound of a `LowRankFrame`.
        pairs: Number of pairs.
    """

    root_mean_square: float
    largest: float
    siblings: float
    expected: float
    pairs: int


def gram_error(
    frame: ArrayLike | LowRankFrame, target: TargetCosines, pairs: int = 20_000, seed: int = 0
) -> GramError:
    """Errors of the cosines of a frame's rows, without a K x K array.

    Half of the pairs are any two different classes, half are siblings.

    Args:
        frame: Rows `[K, dim]` of any length, or a `LowRankFrame`.
        target: The target cosines.
        pairs: How many pairs are drawn.
        seed: Seed of the draw.

    Returns:
        A `GramError`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> target = TargetCosines(tree, min_similarity=0.0)
    >>> gram_error(TreeFrame(target).dense(), target).largest < 1e-12
    True

    Reference: ours.
    """
    tree = target.tree
    rng = np.random.default_rng(seed)
    k = tree.num_classes
    first = rng.integers(0, k, pairs // 2)
    second = (first + rng.integers(1, k, pairs // 2)) % k
    # Neighbors in the order of parents that have the same parent are siblings.
    order = np.argsort(tree.parents[:k], kind="stable")
    near = np.flatnonzero(np.diff(tree.parents[order]) == 0)
    near = near[rng.integers(0, len(near), pairs - pairs // 2)] if len(near) else near
    one, other = np.r_[first, order[near]], np.r_[second, order[near + 1]]

    wanted = _cosines(target, one, other)
    found = np.concatenate(
        [_found(frame, a, b) for a, b in zip(_parts(one), _parts(other))]
    )  # a few rows at a time
    errors = found[:, 0] - wanted
    bound = (1 - wanted**2) / np.sqrt(found[0, 1])
    siblings = errors[len(first) :]
    return GramError(
        _rms(errors), float(np.abs(errors).max()), _rms(siblings), _rms(bound), len(errors)
    )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else float("nan")


def _parts(classes: np.ndarray) -> list[np.ndarray]:
    return np.array_split(classes, -(-len(classes) // 1000))


def _found(frame: ArrayLike | LowRankFrame, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Cosine of every pair and the length of the rows, `[n, 2]`."""
    take = getattr(frame, "rows", None) or np.asarray(frame).__getitem__
    a, b = take(one), take(other)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosines = np.einsum("nd,nd->n", a, b) / lengths
    return np.stack([cosines, np.full(len(a), a.shape[1])], axis=1)


def _cosines(target: TargetCosines, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Target cosines of pairs, the sum of the weights of their common ancestors."""
    tree, weights = target.tree, target.weights
    a, b = one.copy(), other.copy()
    for depth in range(tree.height, 0, -1):  # up to the depth of the lowest common ancestor
        a, b = (np.where((a != b) & (tree.depths[n] == depth), tree.parents[n], n) for n in (a, b))
    total = np.zeros(len(a))
    while (a >= 0).any():
        total += np.where(a >= 0, weights[a], 0.0)
        a = np.where(a >= 0, tree.parents[a], -1)
    return total
