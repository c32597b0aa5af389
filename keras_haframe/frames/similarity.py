"""From hierarchical distances to target cosines, and how small the smallest cosine may be."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from keras_haframe.frames import node_weights
from keras_haframe.tree import ClassTree

MAPPINGS = ("exponential", "linear")
# Of gamma="auto", per level and in all: trials on validation images, benchmarks/defaults.py --tune.
DECAY, STRONGEST = 0.4, 2.0
GRID_POINTS = 100
EIGENVALUE_TOLERANCE = 1e-6  # the papers' code sets smaller eigenvalues to zero


def _is_number(value: object) -> bool:
    """Whether `value` is one finite real number (a NumPy scalar counts, a bool does not)."""
    return (
        isinstance(value, (int, float, np.integer, np.floating))
        and not isinstance(value, bool)
        and bool(np.isfinite(value))
    )


def check_gamma(gamma: Any, mapping: str = "exponential") -> float:
    """Return `gamma` as a float after checking it and the name of the mapping."""
    if mapping not in MAPPINGS:
        raise ValueError(f"`mapping` must be one of {MAPPINGS}. Received: mapping={mapping!r}")
    if mapping == "linear":
        return 0.0
    if not _is_number(gamma) or not gamma > 0:
        raise ValueError(f"`gamma` must be positive and finite. Received: gamma={gamma!r}")
    return float(gamma)


def check_distances(distances: ArrayLike) -> np.ndarray:
    """Return `distances` as a float64 `[K, K]` array after checking it."""
    if isinstance(distances, ClassTree):
        return distances.distances().astype(np.float64)
    d = np.asarray(distances, np.float64)
    if d.ndim != 2 or d.shape[0] != d.shape[1] or d.shape[0] < 2:
        raise ValueError(
            f"`distances` must be a square [K, K] matrix, K >= 2. Received shape: {d.shape}"
        )
    if not np.isfinite(d).all() or (d < 0).any() or np.diagonal(d).any() or (d != d.T).any():
        raise ValueError(
            "`distances` must be finite, symmetric, not negative, with a zero diagonal."
        )
    if not d.max() > 0:
        raise ValueError("`distances` are all zero: no two classes differ.")
    return d


def similarity(
    distances: ArrayLike, gamma: float, min_similarity: float, mapping: str = "exponential"
) -> np.ndarray:
    """Target cosine of every pair of classes.

    `S_ij = (1 - s_min) f(d_ij / d_max) + s_min`, with `f(t) = exp(-gamma t)` for the exponential
    mapping and `f(t) = 1 - t` for the linear one; `d_max` is the largest distance.

    Args:
        distances: `[K, K]` distances, as of `ClassTree.distances()`, or a `ClassTree`.
        gamma: Decay of the exponential mapping, positive. Not used by the linear mapping.
        min_similarity: `s_min`, a number below 1 (see `min_similarity`).
        mapping: `"exponential"` (the paper's) or `"linear"`.

    Returns:
        float64 `[K, K]`, ones on the diagonal.

    Raises:
        ValueError: For bad distances, `gamma <= 0` or `min_similarity >= 1`.

    Example:

    >>> similarity([[0, 1], [1, 0]], gamma=1.0, min_similarity=0.0)[0].round(4)
    array([1.    , 0.3679])

    Reference: Liang and Davis, HAFrame (ICCV 2023), equation of the distance-to-cosine mapping.
    """
    gamma = check_gamma(gamma, mapping)
    if not _is_number(min_similarity) or not min_similarity < 1:
        raise ValueError(
            "`min_similarity` must be a number below 1, such as min_similarity(tree, gamma) gives. "
            f"Received: {min_similarity!r}"
        )
    d = check_distances(distances)
    t = d / d.max()
    f = np.exp(-gamma * t) if mapping == "exponential" else 1 - t
    return (1 - min_similarity) * f + min_similarity


def min_similarity(
    tree_or_distances: ClassTree | ArrayLike,
    gamma: float,
    method: str = "exact",
    mapping: str = "exponential",
    convention: str = "depth",
) -> float:
    """Smallest `s_min` for which the target cosines are those of real vectors.

    With `E` the similarity at `s_min = 0` and `M = 1' E^-1 1` (the effective number of classes),
    the similarity is positive semi-definite exactly for `s_min >= -1 / (M - 1)`. No
    eigendecomposition is needed; for a tree the cost is O(N).

    Args:
        tree_or_distances: A `ClassTree`, or `[K, K]` distances of any origin.
        gamma: Decay of the exponential mapping, positive.
        method: `"exact"`, the bound itself (the frame then has rank K - 1), or `"grid"`: the most
            negative feasible one of the papers' 100 points from `-1/(K-1)` to -1.
        mapping: As in `similarity`.
        convention: Distance convention of a tree, see `ClassTree.distances`.

    Returns:
        `s_min`, a float; infinity where no grid point is feasible.

    Raises:
        ValueError: If `E` is not positive definite (possible for distances that no tree has).

    Example:

    >>> flat = ClassTree([("root", c) for c in "abcde"])
    >>> s_min = min_similarity(flat, gamma=1.0)
    >>> similarity(flat, 1.0, s_min)[0].round(6)   # the simplex ETF
    array([ 1.  , -0.25, -0.25, -0.25, -0.25])

    Reference: grid search, HAFrame (ICCV 2023), released code; closed form, ours
    (docs/architecture.md).
    """
    gamma = check_gamma(gamma, mapping)
    if method not in ("exact", "grid"):
        raise ValueError(f"`method` must be 'exact' or 'grid'. Received: method={method!r}")
    if isinstance(tree_or_distances, ClassTree):
        k = tree_or_distances.num_classes
        weights = node_weights.node_weights(tree_or_distances, gamma, 0.0, mapping, convention)
        magnitude, solution_norm2 = node_weights.solve_ones(tree_or_distances, weights)
    else:
        d = check_distances(tree_or_distances)
        k = len(d)
        try:
            factor = scipy.linalg.cho_factor(similarity(d, gamma or 1.0, 0.0, mapping))
        except np.linalg.LinAlgError:
            raise ValueError(
                "The similarity at s_min = 0 is not positive definite, so these distances have no "
                "closed-form bound. Distances of a tree (ClassTree.distances()) always have one."
            ) from None
        solution = scipy.linalg.cho_solve(factor, np.ones(k))
        magnitude, solution_norm2 = solution.sum(), solution @ solution
    exact = -1.0 / (magnitude - 1.0)
    if method == "exact":
        return float(exact)
    # Just below the bound the smallest eigenvalue is (s - exact) * slope; the papers' code takes
    # anything above -1e-6 for zero, so a grid point that little below the bound is feasible.
    slope = magnitude * (magnitude - 1.0) / solution_norm2
    grid = np.linspace(-1.0 / (k - 1), -1.0, GRID_POINTS)
    feasible = grid[grid > exact - EIGENVALUE_TOLERANCE / slope]
    return float(feasible[-1]) if len(feasible) else float("inf")


def resolve_gamma(
    tree: ClassTree, value: float | str, mapping: str = "exponential", convention: str = "depth"
) -> float:
    """Turn `"auto"`, 0.4 per level and at most 2, or a number into gamma, checked."""
    if isinstance(value, str) and value == "auto":
        value = min(DECAY * node_weights.largest_distance(tree, convention), STRONGEST)
    return check_gamma(value, mapping)


def resolve_min_similarity(
    tree: ClassTree,
    gamma: float,
    value: str | float,
    mapping: str = "exponential",
    convention: str = "depth",
) -> float:
    """Turn `"exact"`, `"grid"` or a number into `s_min`, checked against the exact bound."""
    if isinstance(value, str):
        return min_similarity(tree, gamma, value, mapping, convention)
    bound = min_similarity(tree, gamma, "exact", mapping, convention)
    if not _is_number(value) or value >= 1 or value < bound - 1e-9:
        raise ValueError(
            f"`min_similarity` must be at least {bound:.6g} (the exact bound of this tree at "
            f"gamma={gamma:g}) and below 1, or 'exact', or 'grid'. Received: {value!r}"
        )
    return float(max(value, bound))
