"""Dense frames: classifier vectors as the rows of a matrix."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from keras_haframe.frames.similarity import EIGENVALUE_TOLERANCE


class BestRankFrame(NamedTuple):
    """What `best_rank_frame` returns: `frame` `[K, dim]` and its `gram_error`."""

    frame: np.ndarray
    gram_error: float


def _orthonormal_columns(rows: int, columns: int, seed: int | None) -> np.ndarray:
    """Float64 `[rows, columns]` with orthonormal columns: a seeded rotation, or none."""
    if seed is None:
        return np.eye(rows, columns)
    gaussian = np.random.default_rng(seed).standard_normal((rows, columns))
    return np.linalg.qr(gaussian)[0]


def _check_dim(dim: int, least: int, why: str) -> int:
    if isinstance(dim, bool) or not isinstance(dim, (int, np.integer)) or dim < least:
        raise ValueError(f"`dim` must be an integer of at least {least}: {why}. Received: {dim!r}")
    return int(dim)


def _eigen(similarity: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (rising, tiny ones set to zero) and eigenvectors of a target Gram matrix."""
    s = np.asarray(similarity, np.float64)
    if s.ndim != 2 or s.shape[0] != s.shape[1] or s.shape[0] < 2:
        raise ValueError(
            f"`similarity` must be a square [K, K] matrix, K >= 2. Received shape: {s.shape}"
        )
    if not np.isfinite(s).all() or np.abs(s - s.T).max() > 1e-9:
        raise ValueError("`similarity` must be finite and symmetric.")
    if np.abs(np.diagonal(s) - 1).max() > 1e-9:
        raise ValueError("`similarity` must have ones on its diagonal: its entries are cosines.")
    values, vectors = np.linalg.eigh(s)
    values[np.abs(values) < EIGENVALUE_TOLERANCE] = 0.0
    if values[0] < 0:
        raise ValueError(
            f"`similarity` is not positive semi-definite (smallest eigenvalue {values[0]:.3g}): no "
            "vectors have these cosines. Use a larger min_similarity; "
            "keras_haframe.frames.min_similarity(tree, gamma) gives the smallest one possible."
        )
    return values, vectors


def hierarchy_aware_frame(
    similarity: ArrayLike, dim: int | None = None, seed: int | None = None
) -> np.ndarray:
    """Return unit vectors whose cosines are exactly the given ones.

    Args:
        similarity: `[K, K]` target cosines, positive semi-definite with a unit diagonal.
        dim: Length of the vectors, at least K (the default). For less see `best_rank_frame`.
        seed: Seed of the random rotation; `None` for no rotation.

    Returns:
        float64 `[K, dim]`; row `k` is the vector of class `k`, rows have norm 1 and
        `frame @ frame.T == similarity`.

    Raises:
        ValueError: If `similarity` is not a matrix of cosines of real vectors, or `dim < K`.

    Example:

    >>> frame = hierarchy_aware_frame([[1.0, 0.5], [0.5, 1.0]], seed=0)
    >>> (frame @ frame.T).round(6)
    array([[1. , 0.5],
           [0.5, 1. ]])

    The same seed gives the same vectors on every machine, to rounding: where the paper has
    `W = U sqrt(L) Q'` with eigenvectors U, which equal eigenvalues leave open, this is
    `W = U sqrt(L) U' Q'`, another rotation of the same frame.

    Reference: Liang and Davis, HAFrame (ICCV 2023), frame construction.
    """
    values, vectors = _eigen(similarity)
    k = len(values)
    why = f"{k} classes need {k} dimensions (best_rank_frame approximates with fewer)"
    dim = _check_dim(k if dim is None else dim, k, why)
    # Equal eigenvalues leave their vectors open, and every BLAS kernel takes others; the symmetric
    # root does not depend on the choice.
    root = (vectors * np.sqrt(values)) @ vectors.T
    return root @ _orthonormal_columns(dim, k, seed).T


def best_rank_frame(similarity: ArrayLike, dim: int, seed: int | None = None) -> BestRankFrame:
    """Vectors of fewer dimensions than classes whose Gram matrix is nearest to the target.

    The `dim` largest eigenpairs give the nearest Gram matrix in Frobenius norm (Eckart-Young);
    the rows are then scaled to unit length, so that no class is favored.

    Args:
        similarity: `[K, K]` target cosines.
        dim: Length of the vectors, from 1 to K.
        seed: Seed of the random rotation; `None` for no rotation.

    Returns:
        `(frame, gram_error)`: float64 `[K, dim]` with unit rows, and the relative error
        `|frame frame' - S|_F / |S|_F`.

    Raises:
        ValueError: If `similarity` is not a matrix of cosines of real vectors, `dim` is not from 1
            to K, or a class would have no component left.

    Example:

    >>> s_min = min_similarity([[0, 1, 2], [1, 0, 2], [2, 2, 0]], gamma=1.0)
    >>> target = similarity([[0, 1, 2], [1, 0, 2], [2, 2, 0]], 1.0, s_min)
    >>> best_rank_frame(target, dim=2).gram_error < 1e-9   # at the bound the rank is K - 1
    True

    Reference: Eckart and Young, The Approximation of One Matrix by Another of Lower Rank (1936).
    """
    values, vectors = _eigen(similarity)
    k = len(values)
    dim = _check_dim(dim, 1, "a vector has at least one dimension")
    if dim > k:
        raise ValueError(f"`dim` must be at most the number of classes {k}. Received: dim={dim}")
    frame = vectors[:, -dim:] * np.sqrt(values[-dim:])
    norms = np.linalg.norm(frame, axis=1, keepdims=True)
    if norms.min() < 1e-8:
        raise ValueError(
            f"With dim={dim} a class has no component left in the frame. Use a larger `dim`."
        )
    frame = (frame / norms) @ _orthonormal_columns(dim, dim, seed).T
    target = np.asarray(similarity, np.float64)
    error = np.linalg.norm(frame @ frame.T - target) / np.linalg.norm(target)
    return BestRankFrame(frame, float(error))


def simplex_etf(num_classes: int, dim: int | None = None, seed: int | None = None) -> np.ndarray:
    """Simplex equiangular tight frame: unit vectors, every pair at cosine `-1/(K-1)`.

    It is the limit of the hierarchy-aware frame on a flat tree.

    Args:
        num_classes: K, at least 2.
        dim: Length of the vectors, at least K - 1; K by default.
        seed: Seed of the random rotation; `None` for no rotation.

    Returns:
        float64 `[K, dim]` whose rows sum to zero.

    Raises:
        ValueError: For fewer than two classes, or `dim < K - 1`.

    Example:

    >>> simplex_etf(3).sum(axis=0).round(6) + 0.0
    array([0., 0., 0.])

    Reference: Yang et al., Inducing Neural Collapse in Imbalanced Learning (NeurIPS 2022), eq. 1.
    """
    if isinstance(num_classes, bool) or not isinstance(num_classes, (int, np.integer)):
        raise ValueError(f"`num_classes` must be an integer. Received: {num_classes!r}")
    if num_classes < 2:
        raise ValueError(f"`num_classes` must be at least 2. Received: {num_classes}")
    k = int(num_classes)
    dim = _check_dim(k if dim is None else dim, k - 1, f"a simplex of {k} points spans {k - 1}")
    corners = np.sqrt(k / (k - 1)) * scipy.linalg.helmert(k).T
    return corners @ _orthonormal_columns(dim, k - 1, seed).T
