"""Dense frames: classifier vectors as the rows of a matrix."""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.linalg
from numpy.typing import ArrayLike

from keras_haframe.frames.choice import DENSE_CLASSES
from keras_haframe.frames.sign_vectors import signs
from keras_haframe.frames.similarity import EIGENVALUE_TOLERANCE
from keras_haframe.frames.target_cosines import TargetCosines
from keras_haframe.frames.tree_frame import TreeFrame


def orthonormal_columns(rows: int, columns: int, seed: int | None) -> np.ndarray:
    """Float64 `[rows, columns]` with orthonormal columns: a seeded rotation, or none."""
    if seed is None:
        return np.eye(rows, columns)
    gaussian = np.random.default_rng(seed).standard_normal((rows, columns))
    return np.linalg.qr(gaussian)[0]


def check_dim(dim: int, least: int, why: str) -> int:
    """Return `dim` after checking it; `why` explains the bound."""
    if isinstance(dim, bool) or not isinstance(dim, (int, np.integer)) or dim < least:
        raise ValueError(f"`dim` must be an integer of at least {least}: {why}. Received: {dim!r}")
    return int(dim)


def gram(similarity: ArrayLike | TargetCosines) -> np.ndarray:
    """Target cosines as a float64 array."""
    if isinstance(similarity, TargetCosines):
        return similarity.matrix()
    return np.asarray(similarity, np.float64)


def eigen(similarity: ArrayLike | TargetCosines) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (rising, tiny ones set to zero) and eigenvectors of a target Gram matrix."""
    s = gram(similarity)
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


def _checked(dim: int | None, k: int) -> int:
    why = f"{k} classes need {k} dimensions (best_rank_frame approximates with fewer)"
    return check_dim(k if dim is None else dim, k, why)


def _turned_wavelet(target: TargetCosines, dim: int | None, seed: int | None) -> np.ndarray:
    """Frame of many classes without an eigendecomposition, turned by a fast random rotation."""
    k = target.tree.num_classes
    dim = _checked(dim, k)
    frame = np.zeros((k, dim))
    frame[:, :k] = TreeFrame(target).dense()
    if seed is not None:
        # Orthogonal both: the QR decomposition of a Gaussian matrix takes a minute at K = 10,000.
        for flips in signs(seed, 2, dim):
            frame *= flips
            frame = scipy.fft.dct(frame, norm="ortho", axis=1, overwrite_x=True)
    return frame


def hierarchy_aware_frame(
    similarity: ArrayLike | TargetCosines, dim: int | None = None, seed: int | None = None
) -> np.ndarray:
    """Return unit vectors whose cosines are exactly the given ones.

    Args:
        similarity: `[K, K]` target cosines, positive semi-definite with a unit diagonal; or the
            `TargetCosines` themselves, which beyond 1,010 classes need no eigendecomposition (the
            rotation then is of signs and cosine transforms).
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
    if isinstance(similarity, TargetCosines) and similarity.tree.num_classes > DENSE_CLASSES:
        return _turned_wavelet(similarity, dim, seed)
    values, vectors = eigen(similarity)
    dim = _checked(dim, len(values))
    # Equal eigenvalues leave their vectors open, and every BLAS kernel takes others; the symmetric
    # root does not depend on the choice.
    root = (vectors * np.sqrt(values)) @ vectors.T
    return root @ orthonormal_columns(dim, len(values), seed).T


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
    dim = check_dim(k if dim is None else dim, k - 1, f"a simplex of {k} points spans {k - 1}")
    corners = np.sqrt(k / (k - 1)) * scipy.linalg.helmert(k).T
    return corners @ orthonormal_columns(dim, k - 1, seed).T
