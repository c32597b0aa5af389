"""NeuralCollapse: the measures NC1 to NC4 and their frame-aware forms, streaming."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_haframe.collapse.checks import check_classifier, check_matrix
from keras_haframe.collapse.class_mean_statistics import ClassMeanStatistics
from keras_haframe.collapse.second_pass import NC4, ClassVariability
from keras_haframe.collapse.statistics import ClassStatistics, FeatureCache
from keras_haframe.collapse.targets import GivenTarget, check_convention, check_target
from keras_haframe.tree_ops.checks import check_labels
from keras_haframe.tree_ops.options import check_count
from keras_haframe.tree_ops.values import Tensor


class NeuralCollapse:
    """How far features have collapsed onto their class means, and those onto a fixed geometry.

    All of it is float64 NumPy. One pass gathers counts, class means, the pooled scatter and the
    class variances; `result` derives the measures. Memory is `K d + d^2` numbers and does not
    grow with the number of samples, apart from `keep_bytes`. No K x K array is made whole.

    Features are those the classifier sees, after its batch normalization or L2 normalization.
    Classes without a sample are dropped from every measure; classes with one sample have zero
    variance.

    Args:
        num_classes: K.
        dim: D, the width of the features.
        target: Gram matrix the class means should take: None for the simplex ETF, `[K, K]`
            cosines S of a frame (`W @ W.T`), or a callable `indices -> [len(indices), K]` giving
            rows of S where K x K is too large.
        mean: Center of the class means: `"class"` for their own mean, `"sample"` for the mean of
            all samples. They differ on unbalanced data.
        centered: False compares raw class means with S itself. This is stricter for a frame whose
            vectors do not sum to zero, since it sees a common offset. NC1 is always centered.
        keep_bytes: While all features fit into this many bytes they are kept, and `result` can
            give NC4 without a second pass. 0 keeps none.

    Example:

    >>> nc = NeuralCollapse(num_classes=2, dim=2)
    >>> nc.update([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0, 0, 1])
    >>> nc.result()["nc1"]
    0.0

    Reference: Papyan, Han, Donoho, "Prevalence of neural collapse during the terminal phase of
    deep learning training", PNAS 2020; for frames, the same with the ETF's Gram matrix replaced.
    """

    def __init__(
        self,
        num_classes: int,
        dim: int,
        target: GivenTarget | None = None,
        *,
        mean: str = "class",
        centered: bool = True,
        keep_bytes: int = 2**27,
    ):
        self._statistics = ClassStatistics(num_classes, dim)
        self.num_classes, self.dim = self._statistics.num_classes, self._statistics.dim
        self.target = check_target(target, self.num_classes)
        self.mean = check_convention(mean)
        self.centered = bool(centered)
        self._cache = FeatureCache(check_count(keep_bytes, "keep_bytes", least=0))

    @property
    def counts(self) -> np.ndarray:
        """int64 `[K]`, samples seen per class."""
        return self._statistics.counts

    @property
    def class_means(self) -> np.ndarray:
        """`[K, d]`, rows of zeros for classes not seen."""
        return self._statistics.means

    @property
    def class_variances(self) -> np.ndarray:
        """`[K]` mean squared distances to the own class mean."""
        return self._statistics.variances

    @property
    def within_covariance(self) -> np.ndarray:
        """`[d, d]` Sigma_W, pooled over samples."""
        return self._statistics.scatter / max(int(self.counts.sum()), 1)

    def update(self, features: Tensor, labels: Tensor) -> None:
        """Add a batch: `features` `[B, d]`, integer `labels` `[B]`. B may be zero.

        Tensors of TensorFlow, JAX, PyTorch and Keras are taken, in any float dtype.

        Raises:
            ValueError: On wrong shapes, labels that are one-hot, not integer or out of range, and
                NaN or infinite features. Nothing is added then.
        """
        features = check_matrix(features, "features", None, self.dim)
        labels = check_labels(labels, self.num_classes, len(features))
        self._statistics.add(features, labels)
        self._cache.add(features, labels)

    def merge(self, other: NeuralCollapse) -> NeuralCollapse:
        """Add what another instance has seen (another replica or worker) and returns `self`.

        The measures are those of one pass over everything, up to float64 rounding, whatever the
        partition. Options such as `target` and `mean` stay those of `self`.

        Raises:
            ValueError: If `num_classes` or `dim` differ.
        """
        self._statistics.merge(other._statistics)
        self._cache.merge(other._cache)
        return self

    def state(self) -> dict[str, np.ndarray]:
        """Return the statistics as a dict of four arrays, for another process or for `np.savez`.

        Kept features are not part of it: an instance made from a state gives NC4 through
        `nc4_pass()` only.
        """
        return self._statistics.state()

    @classmethod
    def from_state(cls, state: dict[str, np.ndarray], **options: Any) -> NeuralCollapse:
        """Return an instance with the statistics of `state()`; `options` as in the constructor."""
        statistics = ClassStatistics.from_state(state)
        new = cls(statistics.num_classes, statistics.dim, **options)
        new._statistics = statistics
        if statistics.counts.any():
            new._cache.drop()
        return new

    def nc4_pass(self) -> NC4:
        """NC4 accumulator for a second pass, with the class means as they are now."""
        return NC4(self.class_means, self.counts)

    def class_variability(self) -> ClassVariability:
        """Accumulator of the NC1 of every class, for a second pass."""
        view = ClassMeanStatistics(self._statistics, self.mean)
        return ClassVariability(self.class_means.copy(), view.values, view.vectors)

    def result(
        self, classifier: Tensor | None = None, bias: Tensor | None = None, *, pairs: bool = True
    ) -> dict[str, float]:
        """Return the measures of everything seen so far.

        Args:
            classifier: Optional `[K, d]` classifier rows A (the transpose of a Dense kernel).
            bias: Optional `[K]` classifier bias.
            pairs: False leaves out what needs a pass over all pairs of classes, `K^2 d`
                operations: nc2, nc3, cdnv and the angles.

        Returns:
            A dict of floats, NaN where a measure is not defined (one class, coinciding means).
            Zero at collapse:
            `nc1` `tr(Sigma_W Sigma_B^+)/K`; `nc1_quotient` `tr Sigma_W / tr Sigma_B`, and
            `nc1_quotient_macro` with all classes weighing the same; `cdnv`;
            `nc2` Gram matrix of the means against the target; `equinorm` variation of their
            norms; `equiangle` mean `|cos - target|` and `equiangle_std`.
            `min_angle`, `tail_angle`: smallest angles in degrees, of all pairs and of the rarest
            third of the classes.
            With a classifier: `nc3` its products with the means against the target; `duality`
            `|A/|A| - M/|M||^2` and `alignment`, the mean cosine of row and mean, with centered
            means for the ETF and raw ones for a target or `centered=False`; `offset`
            `|A mu_G + b|`; `nc4` and `nc4_macro` where all features were kept.
            With a target: `nc2_etf` and, with a classifier, `nc3_etf`, against the ETF.

        Raises:
            ValueError: If nothing was measured, or on wrong shapes.
        """
        if bias is not None and classifier is None:
            raise ValueError("`bias` was given without `classifier`.")
        rows = offsets = None
        if classifier is not None:
            rows, offsets = check_classifier(classifier, bias, self.num_classes, self.dim)
        view = ClassMeanStatistics(self._statistics, self.mean)
        result = view.variability()
        if pairs:
            result |= view.geometry(self.target, self.centered, rows)
        if rows is not None and offsets is not None:
            # The rows of a frame need not sum to zero: collapsed features equal them uncentered.
            against_centered = self.centered and self.target is None
            result |= view.agreement(rows, offsets, against_centered)
            if self._cache.complete:
                nc4 = self.nc4_pass()
                for features, labels in self._cache:
                    nc4.update_linear(features, labels, classifier=rows, bias=offsets)
                result |= nc4.result()
        return result
