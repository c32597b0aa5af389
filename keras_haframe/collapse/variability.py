"""NC1: within-class variability, measured against the spread of the class means."""

from __future__ import annotations

import numpy as np

# Eigenvalues of M'M carry an error of about 1e-16 of the largest one: above this share of it
# they, and NC1, are exact to about 1e-10.
_WELL_CONDITIONED = 1e-6


def between_spectrum(centered: np.ndarray, scale: float = 0.0):
    """Singular values and right singular vectors of the centered class means.

    The reference is the thin SVD. Squaring into `M_c' M_c` halves the digits of small singular
    values, and a hierarchy with small gamma collapses onto directions of very different spread.
    So with more classes than dimensions the eigendecomposition of the `[d, d]` product, several
    times cheaper, is taken only where its own eigenvalues show that it is exact enough, and
    else the SVD of the QR factor: both steps of that are backward stable, and the `[K, d]` left
    vectors, which NC1 does not use, are never formed.

    Args:
        centered: `[K, d]` class means minus the global mean.
        scale: norm of the means before centering. A spread at rounding level of this is no
            spread, and gives rank 0.

    Returns:
        `(s, v)`: `[r]` falling singular values and `[r, d]` orthonormal rows, with
        `r <= min(K - 1, d)` and every `s_j > max(K, d) eps s_1`.
    """
    classes, dim = centered.shape
    tolerance = max(classes, dim) * np.finfo(np.float64).eps
    if classes > dim:
        squares, columns = np.linalg.eigh(centered.T @ centered)
        if squares[0] > max(_WELL_CONDITIONED * squares[-1], (tolerance * scale) ** 2):
            return np.sqrt(squares[::-1]), columns[:, ::-1].T
        centered = np.linalg.qr(centered, mode="r")
    _, values, vectors = np.linalg.svd(centered, full_matrices=False)
    if not values.size or values[0] <= tolerance * scale:
        return values[:0], vectors[:0]
    # Centering removes one dimension: a K-th value is noise even where it passes the threshold.
    rank = min(int(np.count_nonzero(values > tolerance * values[0])), classes - 1)
    return values[:rank], vectors[:rank]


def nc1(scatter: np.ndarray, samples: int, values: np.ndarray, vectors: np.ndarray) -> float:
    """`tr(Sigma_W Sigma_B^+) / K` with `Sigma_W = scatter / samples`.

    With `Sigma_B = M_c' M_c / K` and `M_c = U s V'` the pseudo-inverse is `K V s^-2 V'`: the K
    cancels and only variance along the directions between class means counts.

    Args:
        scatter: `[d, d]` pooled within-class scatter.
        samples: n, what to divide it by.
        values: `[r]` singular values of the centered class means.
        vectors: `[r, d]` their right singular vectors.

    Returns:
        NC1, zero at collapse; NaN where the class means coincide.

    Example:

    >>> nc1(np.eye(2), samples=4, values=np.array([2.0]), vectors=np.array([[1.0, 0.0]]))
    0.0625

    Reference: Papyan, Han, Donoho, "Prevalence of neural collapse", PNAS 2020, section 2.
    """
    if not values.size:
        return float("nan")
    # Variances: what rounding leaves below zero is zero.
    along = np.maximum(np.einsum("rd,rd->r", vectors @ scatter, vectors), 0.0)
    return float(np.sum(along / values**2) / samples)


def nc1_quotient(variances: np.ndarray, weights: np.ndarray, centered: np.ndarray) -> float:
    """`tr(Sigma_W) / tr(Sigma_B)`: NC1 without the inverse, hence without its cut-off.

    Args:
        variances: `[K]` mean squared distance to the own class mean.
        weights: `[K]` weights of the classes, summing to one: `n_k / n` for the pooled measure,
            `1 / K` for the macro one, in which rare classes count as much as common ones.
        centered: `[K, d]` centered class means.

    Returns:
        The quotient; NaN where the class means coincide.

    Example:

    >>> nc1_quotient(np.array([1.0, 3.0]), np.array([0.5, 0.5]), np.array([[1.0], [-1.0]]))
    2.0
    """
    between = float(np.sum(centered * centered)) / len(centered)
    return float(weights @ variances) / between if between > 0 else float("nan")
