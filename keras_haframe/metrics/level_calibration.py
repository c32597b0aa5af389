"""Calibration at a level of the tree: does confidence match the share of right answers?"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_haframe.metrics.base import check_inputs
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.checks import check_logits, check_probabilities
from keras_haframe.tree_ops.marks import example_weights, of_another_kind, poisoned
from keras_haframe.tree_ops.options import check_choice, check_count, check_level
from keras_haframe.tree_ops.segments import level_sums
from keras_haframe.tree_ops.values import Tensor, holds_values

NORMS = ("expected", "maximum")


def _bin_sums(
    y_true: Tensor,
    y_pred: Tensor,
    tree: ClassTree,
    level: int,
    bins: int,
    from_logits: bool,
    sample_weight: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Per confidence bin `[bins]`: weight of the examples, sum of confidences, weight of hits."""
    labels, scores, lost = check_inputs(y_true, y_pred, tree.num_classes)
    if from_logits:
        p = ops.softmax(check_logits(scores, "`y_pred`", "Pass from_logits=False."), axis=-1)
    else:
        p = check_probabilities(scores, tree.num_classes)
    if not holds_values(scores):  # where it cannot be refused
        lost = ops.logical_or(lost, of_another_kind(scores, from_logits))
    nodes = level_sums(p, tree, level)
    best = ops.cast(ops.argmax(nodes, axis=-1), "int32")
    confidence = ops.take_along_axis(nodes, best[:, None], axis=1)[:, 0]
    table = tree.level_labels()[:, -level].astype(np.int32)
    truth = ops.take(ops.convert_to_tensor(table), labels, axis=0)
    hits = best == truth
    place = ops.clip(ops.ceil(confidence * bins) - 1, 0, bins - 1)
    member = ops.cast(ops.one_hot(ops.cast(place, "int32"), bins), p.dtype)
    if sample_weight is not None:
        weights = example_weights(sample_weight, labels, p.dtype)
        member = member * (weights[:, None] if len(weights.shape) else weights)
    member = poisoned(member, lost)

    def per_bin(values: Tensor) -> Tensor:
        return ops.sum(member * values[:, None], axis=0)

    return ops.sum(member, axis=0), per_bin(confidence), per_bin(ops.cast(hits, p.dtype))


def _error(weight: Tensor, confidence: Tensor, hits: Tensor, norm: str) -> Tensor:
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
        level: Depth of the level, from 1 (children of the root) to `tree.height` (classes), or -1
            for the classes, -2 for their parents and so on.
        bins: Number M of bins.
        norm: `"expected"` (ECE) or `"maximum"` (MCE).
        from_logits: Whether `y_pred` are class scores (logits), which a model hands its metrics.
            With `False` they must be probabilities; rows that are none are refused outside
            compiled functions.
        name: Name in logs; `level_{level}_ece` or `level_{level}_mce` by default, with the depth
            as the level.

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
        tree = as_tree(tree)
        level = check_level(level, tree.height)
        check_choice("norm", norm, NORMS)
        name = name or f"level_{level}_{'ece' if norm == 'expected' else 'mce'}"
        super().__init__(name=name, dtype="float64" if dtype == "float64" else "float32")
        self.tree, self.level = tree, level
        self.bins, self.norm = check_count(bins, "bins"), norm
        self.from_logits = bool(from_logits)
        self._direction = "down"
        self.weight = self.add_variable((bins,), "zeros", name="weight")
        self.confidence = self.add_variable((bins,), "zeros", name="confidence")
        self.hits = self.add_variable((bins,), "zeros", name="hits")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Add a batch of integer labels `[B]` and class scores (or probabilities) `[B, K]`."""
        sums = _bin_sums(
            y_true, y_pred, self.tree, self.level, self.bins, self.from_logits, sample_weight
        )
        for total, value in zip((self.weight, self.confidence, self.hits), sums):
            total.assign_add(ops.cast(value, self.dtype))

    def result(self) -> Tensor:
        """Return the calibration error so far; 0 without examples."""
        return _error(self.weight, self.confidence, self.hits, self.norm)

    def reliability(self) -> dict[str, np.ndarray]:
        """Return the data of a reliability diagram so far.

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

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal metric."""
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
    y_true: Tensor,
    y_pred: Tensor,
    tree: ClassTree | dict,
    level: int = -1,
    *,
    bins: int = 15,
    norm: str = "expected",
    from_logits: bool = True,
) -> Tensor:
    """Compute the expected (or maximum) calibration error at a level of the tree over one batch.

    Args:
        y_true: Integer labels `[B]`.
        y_pred: Class scores (logits), or probabilities with `from_logits=False`, `[B, K]`.
        tree: A `ClassTree`.
        level: Depth of the level, see `LevelCalibrationError`.
        bins: Number of bins.
        norm: `"expected"` (ECE) or `"maximum"` (MCE).
        from_logits: Whether `y_pred` are class scores.

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
    level, bins = check_level(level, tree.height), check_count(bins, "bins")
    check_choice("norm", norm, NORMS)
    return _error(*_bin_sums(y_true, y_pred, tree, level, bins, from_logits), norm)
