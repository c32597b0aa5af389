"""Mistake severity: how far off the wrong predictions are."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_haframe.metrics.base import TreeMetric, check_inputs
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.marks import poisoned
from keras_haframe.tree_ops.pair_distances import PairDistances
from keras_haframe.tree_ops.values import Tensor


def _distance_of_best(
    distances: PairDistances, labels: Tensor, scores: Tensor
) -> tuple[Tensor, Tensor]:
    best = ops.cast(ops.argmax(scores, axis=-1), "int32")
    return distances(labels, best[:, None])[:, 0], best != labels


def mistake_severity(
    y_true: Tensor, y_pred: Tensor, tree: ClassTree | dict, *, convention: str = "depth"
) -> Tensor:
    """Mean LCA height of label and prediction over the wrong predictions.

    Args:
        y_true: Integer labels `[B]`.
        y_pred: Class scores `[B, K]`, higher is better.
        tree: A `ClassTree`.
        convention: Distance convention, see `ClassTree.distances`.

    Returns:
        Scalar; NaN when there is no mistake.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> float(mistake_severity([0, 0], [[0, 1, 0, 0], [0, 0, 1, 0]], tree))
    1.5

    Reference: Bertinetto et al., Making Better Mistakes (CVPR 2020).
    """
    tree = as_tree(tree)
    labels, scores, lost = check_inputs(y_true, y_pred, tree.num_classes)
    distance, wrong = _distance_of_best(PairDistances(tree, convention), labels, scores)
    wrong = poisoned(ops.cast(wrong, distance.dtype), lost)
    return ops.sum(distance * wrong) / ops.sum(wrong)


@keras.saving.register_keras_serializable(package="keras_haframe")
class MistakeSeverity(TreeMetric):
    """Streaming mean LCA height over the wrong predictions (lower is better).

    `result()` is NaN while there is no mistake; `mistakes` is their number. The mean is over all
    mistakes seen, not a mean of batch means.

    Args:
        tree: A `ClassTree`.
        name: Name in logs.
        convention: Distance convention, see `ClassTree.distances`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> metric = MistakeSeverity(tree)
    >>> metric.update_state([0, 0, 0], [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
    >>> float(metric.result()), int(metric.mistakes)
    (1.5, 2)

    Reference: Bertinetto et al., Making Better Mistakes (CVPR 2020).
    """

    def __init__(
        self,
        tree: ClassTree | dict,
        *,
        name: str = "severity",
        convention: str = "depth",
        dtype: str | None = None,
    ):
        super().__init__(tree, name, dtype)
        self._direction = "down"
        self.convention = convention
        self._distances = PairDistances(self.tree, convention)

    def values(self, labels: Tensor, scores: Tensor) -> tuple[Tensor, Tensor | None]:
        """Distance of label and prediction, and whether they differ."""
        return _distance_of_best(self._distances, labels, scores)

    @property
    def mistakes(self) -> Tensor:
        """Number (or total sample weight) of the wrong predictions so far."""
        return 1 * self.count  # a tensor, also where the variable lives on several devices

    def result(self) -> Tensor:
        """Return the mean so far; NaN without a mistake."""
        return self.total / self.count

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal metric."""
        return {**super().get_config(), "convention": self.convention}
