"""From the streamed statistics to the measures: NC1, and what the class means say."""

from __future__ import annotations

import numpy as np

from keras_haframe.collapse.alignment import duality, equinorm, row_alignment, tail_angle
from keras_haframe.collapse.pairs import (
    AngleGap,
    DistanceVariance,
    GramGap,
    cross_gap,
    gram_pass,
    product_norm,
)
from keras_haframe.collapse.statistics import ClassStatistics
from keras_haframe.collapse.targets import EtfTarget, GivenTarget, GramTarget, center, class_prior

# Eigenvalues of M'M carry an error of about 1e-16 of the largest one: above this share of it
# they, and NC1, are exact to about 1e-10.
_WELL_CONDITIONED = 1e-6


def between_spectrum(centered: np.ndarray, scale: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Singular values and right singular vectors of the centered class means.

    The reference is the thin SVD. Squaring into `M_c' M_c` halves the digits of small singular
    values, and a hierarchy with small gamma collapses onto directions of very different spread.
    So with more classes than dimensions the eigendecomposition of the `[d, d]` product, several
    times cheaper, is taken only where its own eigenvalues show that it is exact enough, and
    else the SVD of the QR factor: both steps of that are backward stable, and the `[K, d]` left
    vectors, which NC1 does not use, are never formed.

    Args:
        centered: `[K, d]` class means minus the global mean.
        scale: Norm of the means before centering. A spread at rounding level of this is no
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
        centered = np.asarray(np.linalg.qr(centered, mode="r"))
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
        samples: N, what to divide it by.
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


def _unit(matrix: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the matrix over its Frobenius norm (keeps squares in range), and that norm."""
    norm = float(np.linalg.norm(matrix))
    return (matrix / norm, norm) if norm > 0 else (matrix, 1.0)


class ClassMeanStatistics:
    """The class means of the classes seen, centered, with their singular values.

    Args:
        statistics: What was streamed.
        mean: Centering convention, `"class"` or `"sample"`.

    Attributes:
        present: Int `[k]`, the classes with a sample. Only these enter any measure.
        raw: `[k, d]` class means.
        centered: `[k, d]`, all zero where the means coincide up to rounding.
        values: `[r]` singular values of `centered`.
        vectors: `[r, d]` right singular vectors.

    Raises:
        ValueError: If nothing was measured.
    """

    def __init__(self, statistics: ClassStatistics, mean: str):
        self._statistics = statistics
        self.present = np.flatnonzero(statistics.counts)
        if not self.present.size:
            raise ValueError("No samples were measured yet. Call `update` first.")
        self._counts = statistics.counts[self.present]
        self._variances = statistics.variances[self.present]
        everything = self.present.size == statistics.num_classes
        self.raw = statistics.means if everything else statistics.means[self.present]
        self.prior = class_prior(self._counts, mean)
        self.centered = center(self.raw, self.prior)
        scale = float(np.linalg.norm(self.raw))
        self.values, self.vectors = between_spectrum(self.centered, scale)
        if not self.values.size:
            self.centered[...] = 0.0

    def variability(self) -> dict[str, float]:
        """`nc1`, `nc1_quotient`, `nc1_quotient_macro`."""
        samples = int(self._counts.sum())
        pooled, macro = self._counts / samples, class_prior(self._counts)
        return {
            "nc1": nc1(self._statistics.scatter, samples, self.values, self.vectors),
            "nc1_quotient": nc1_quotient(self._variances, pooled, self.centered),
            "nc1_quotient_macro": nc1_quotient(self._variances, macro, self.centered),
        }

    def geometry(
        self, target: GivenTarget | None, centered: bool, classifier: np.ndarray | None
    ) -> dict[str, float]:
        """Measures over pairs of classes: NC2, NC3 (with a classifier), CDNV and the angles.

        Args:
            target: What `check_target` returned.
            centered: Whether means and target are compared about their center.
            classifier: None or `[K, d]` float64.
        """
        k = self.present.size
        # One class has no pairs: the goals then only serve to name the measures.
        etf = EtfTarget(max(k, 2))
        goals: dict[str, EtfTarget | GramTarget] = {"": etf}
        if target is not None:
            prior = self.prior if centered else None
            goals = {"": GramTarget(target, self.present, prior), "_etf": etf}
        means, _ = _unit(self.centered if centered else self.raw)
        distinct, spread = _unit(self.centered)
        norm = product_norm(means, means)
        gaps = {"nc2" + key: GramGap(norm, goal) for key, goal in goals.items()}
        angles = AngleGap(means, goals[""])
        cdnv = DistanceVariance(distinct, self._variances / spread**2)
        if k > 1 and centered:
            gram_pass(means, [*gaps.values(), angles, cdnv])
        elif k > 1:  # distances out of raw Gram entries would lose the digits of a common offset
            gram_pass(means, [*gaps.values(), angles])
            gram_pass(distinct, [cdnv])
        result = {name: gap.result() for name, gap in gaps.items()}
        result |= zip(("equiangle", "equiangle_std", "min_angle"), angles.result())
        result["equinorm"] = equinorm(means, goals[""].lengths[:k])
        result["tail_angle"] = tail_angle(means, self._counts)
        result["cdnv"] = cdnv.result()
        if classifier is not None:
            rows, _ = _unit(classifier[self.present])
            found = cross_gap(rows, means, list(goals.values())) if k > 1 else [0.0] * len(goals)
            result |= {"nc3" + key: gap for key, gap in zip(goals, found)}
        if k < 2:
            return dict.fromkeys(result, float("nan"))
        return result

    def agreement(self, classifier: np.ndarray, bias: np.ndarray, centered: bool) -> dict:
        """`duality`, `alignment` and `offset` of classifier `[K, d]` and bias `[K]`.

        They set the rows against the centered class means, or the raw ones if not `centered`.
        """
        rows, bias = classifier[self.present], bias[self.present]
        means = self.centered if centered else self.raw
        return {
            "duality": duality(rows, means),
            "alignment": row_alignment(rows, means),
            "offset": float(np.linalg.norm(rows @ (self.prior @ self.raw) + bias)),
        }
