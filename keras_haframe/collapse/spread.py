"""From the streamed statistics to the measures."""

from __future__ import annotations

import numpy as np

from keras_haframe.collapse.alignment import duality, equinorm, row_alignment, tail_angle
from keras_haframe.collapse.centering import center, class_prior
from keras_haframe.collapse.pairs import (
    AngleGap,
    DistanceVariance,
    GramGap,
    cross_gap,
    gram_pass,
    product_norm,
)
from keras_haframe.collapse.statistics import ClassStatistics
from keras_haframe.collapse.targets import EtfTarget, GramTarget
from keras_haframe.collapse.variability import between_spectrum, nc1, nc1_quotient


def _unit(matrix: np.ndarray) -> tuple[np.ndarray, float]:
    """The matrix over its Frobenius norm (keeps squares in range), and that norm."""
    norm = float(np.linalg.norm(matrix))
    return (matrix / norm, norm) if norm > 0 else (matrix, 1.0)


class Spread:
    """The class means of the classes seen, centered, with their singular values.

    Args:
        statistics: what was streamed.
        mean: centering convention, `"class"` or `"sample"`.

    Attributes:
        present: int `[k]`, the classes with a sample. Only these enter any measure.
        raw: `[k, d]` class means.
        centered: `[k, d]`, all zero where the means coincide up to rounding.
        values: `[r]` singular values of `centered`.
        vectors: `[r, d]` right singular vectors.

    Raises:
        ValueError: if nothing was measured.
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

    def geometry(self, target, centered: bool, classifier: np.ndarray | None) -> dict[str, float]:
        """Measures over pairs of classes: NC2, NC3 (with a classifier), CDNV and the angles.

        Args:
            target: what `check_target` returned.
            centered: whether means and target are compared about their center.
            classifier: None or `[K, d]` float64.
        """
        k = self.present.size
        # One class has no pairs: the goals then only serve to name the measures.
        etf = EtfTarget(max(k, 2))
        goals = {"": etf}
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
