"""Calibration at a level of the tree: does confidence match the share of right answers?"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from keras_haframe.decisions.level_probabilities import level_sums
from keras_haframe.metrics.base import check_inputs
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import (
    check_count,
    check_level,
    check_probabilities,
    check_scores,
    full_precision,
    looks_like_probabilities,
)

NORMS = ("expected", "maximum")


def _check_options(bins: int, norm: str) -> None:
    if norm not in NORMS:
        raise ValueError(f"`norm` must be one of {NORMS}. Received: norm={norm!r}")
    check_count(bins, "bins")


def _probabilities(y_pred, num_classes: int, from_logits: bool):
    """Class probabilities `[B, K]`; where values are at hand, what contradicts them is refused."""
    if not from_logits:
        return check_probabilities(y_pred, num_classes)
    if looks_like_probabilities(y_pred):
        raise ValueError(
            "With from_logits=True (the default, as a compiled model gives scores) `y_pred` must "
            "be logits. Received rows of probabilities: pass from_logits=False."
        )
    return ops.softmax(full_precision(check_scores(y_pred, num_classes)), axis=-1)


def _bin_sums(y_true, y_pred, tree, level, bins, from_logits, sample_weight=None):
    """Per confidence bin `[bins]`: weight of the examples, sum of confidences, weight of hits."""
    labels, _ = check_inputs(y_true, y_pred, tree.num_classes)
    p = _probabilities(y_pred, tree.num_classes, from_logits)
    nodes = level_sums(p, tree, level)
    best = ops.cast(ops.argmax(nodes, axis=-1), "int32")
    confidence = ops.take_along_axis(nodes, best[:, None], axis=1)[:, 0]
    table = tree.level_labels()[:, -level].astype(np.int32)
    truth = ops.take(ops.convert_to_tensor(table), labels, axis=0)
    hits = best == truth
    place = ops.clip(ops.ceil(confidence * bins) - 1, 0, bins - 1)
    member = ops.cast(ops.one_hot(ops.cast(place, "int32"), bins), p.dtype)
    if sample_weight is not None:
        member = member * ops.reshape(ops.cast(sample_weight, p.dtype), (-1, 1))
    values = (ops.ones_like(confidence), confidence, ops.cast(hits, p.dtype))
    return [ops.sum(member * value[:, None], axis=0) for value in values]


def _error(weight, confidence, hits, norm: str):
    gap = ops.abs(hits - confidence)
    if norm == "maximum":
        return ops.max(ops.divide_no_nan(gap, weight))
    return ops.divide_no_nan(ops.sum(gap), ops.sum(weight))


@keras.saving.register_keras_serializable(package="keras_haframe")
class LevelCalibrationError(keras.metrics.Metric):
    """Streaming expected (or maximum) calibration error at a level of the tree (lower is better).

    The answer at a level is its most probable node, probabilities summed over the classes below;
    its probability is the confidence. Confidences fall in M equal bins `((m - 1) / M, m / M]`:

    `ECE = sum_m n_m / n |accuracy_m - confidence_m|`,  `MCE = max_m |accuracy_m - confidence_m|`

    with the mean accuracy and confidence of the n_m examples in bin m; empty bins do not count.

    It is no `TreeMetric`: its state is three sums per bin, not one mean.

    Args:
        tree: A `ClassTree`.
        level: Depth, 1 for the children of the root, or counted from the classes: -1 for them, -2
            for their parents.
        bins: Number M of bins.
        norm: `"expected"` (ECE) or `"maximum"` (MCE).
        from_logits: Whether `y_pred` are logits, as the scores that a compiled
            `HierarchicalClassifier` gives its metrics, and not probabilities.
        name: Name in logs; `level_{level}_ece` or `level_{level}_mce` by default, with the level as
            a depth.

    Raises:
        ValueError: For options out of range.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> metric = LevelCalibrationError(tree, level=1, bins=4, from_logits=False)
    >>> metric.update_state([0, 1], [[0.5, 0.25, 0.25, 0.0], [0.25, 0.5, 0.0, 0.25]])
    >>> float(metric.result())  # land with 0.75, right both times
    0.25
    >>> metric.reliability()["weight"].tolist()
    [0.0, 0.0, 2.0, 0.0]

    Reference: Naeini, Cooper and Hauskrecht, Obtaining Well Calibrated Probabilities Using
    Bayesian Binning (AAAI 2015); Guo et al., On Calibration of Modern Neural Networks (ICML 2017).
    """

    def __init__(
        self,
        tree: ClassTree | dict,
        level: int = -1,
        *,
        bins: int = 15,
        norm: str = "expected",
        from_logits: bool = True,
        name: str | None = None,
        dtype: str | None = None,
    ):
        _check_options(bins, norm)
        tree = as_tree(tree)
        self.level = check_level(level, tree.height)
        name = name or f"level_{self.level}_{'ece' if norm == 'expected' else 'mce'}"
        super().__init__(name=name, dtype="float64" if dtype == "float64" else "float32")
        self.tree = tree
        self.bins, self.norm, self.from_logits = bins, norm, bool(from_logits)
        self._direction = "down"
        self.weight = self.add_variable((bins,), "zeros", name="weight")
        self.confidence = self.add_variable((bins,), "zeros", name="confidence")
        self.hits = self.add_variable((bins,), "zeros", name="hits")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch of integer labels `[B]` and class probabilities (or logits) `[B, K]`."""
        sums = _bin_sums(
            y_true, y_pred, self.tree, self.level, self.bins, self.from_logits, sample_weight
        )
        for total, value in zip((self.weight, self.confidence, self.hits), sums):
            total.assign_add(ops.cast(value, self.dtype))

    def result(self):
        return _error(self.weight, self.confidence, self.hits, self.norm)

    def reliability(self) -> dict[str, np.ndarray]:
        """Data of a reliability diagram so far.

        Returns:
            NumPy arrays by name: `edges` `[bins + 1]`; per bin `[bins]` `weight` (number or total
            sample weight of its examples), `confidence` and `accuracy` (means, NaN in empty bins).
        """
        weight, confidence, hits = (
            ops.convert_to_numpy(v).astype(np.float64)
            for v in (self.weight, self.confidence, self.hits)
        )
        some = np.where(weight > 0, weight, np.nan)
        return {
            "edges": np.linspace(0.0, 1.0, self.bins + 1),
            "weight": weight,
            "confidence": confidence / some,
            "accuracy": hits / some,
        }

    def get_config(self):
        return {
            "name": self.name,
            "dtype": self.dtype,
            "tree": self.tree.get_config(),
            "level": self.level,
            "bins": self.bins,
            "norm": self.norm,
            "from_logits": self.from_logits,
        }


def level_calibration_error(
    y_true,
    y_pred,
    tree: ClassTree | dict,
    level: int = -1,
    *,
    bins: int = 15,
    norm: str = "expected",
    from_logits: bool = True,
):
    """Expected (or maximum) calibration error at a level of the tree over one batch.

    Args:
        y_true: Integer labels `[B]`.
        y_pred: Logits `[B, K]`, or probabilities with `from_logits=False`.
        tree, level, bins, norm, from_logits: See `LevelCalibrationError`.

    Returns:
        Scalar from 0 to 1; 0 for an empty batch.

    Raises:
        ValueError: For options out of range or shapes that do not fit.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> p = [[0.5, 0.25, 0.25, 0.0], [0.25, 0.5, 0.0, 0.25]]
    >>> float(level_calibration_error([0, 1], p, tree, level=1, from_logits=False))
    0.25

    Reference: Naeini, Cooper and Hauskrecht, Obtaining Well Calibrated Probabilities Using
    Bayesian Binning (AAAI 2015); Guo et al., On Calibration of Modern Neural Networks (ICML 2017).
    """
    tree = as_tree(tree)
    _check_options(bins, norm)
    sums = _bin_sums(y_true, y_pred, tree, check_level(level, tree.height), bins, from_logits)
    return _error(*sums, norm)
