"""One call for features which are already in memory."""

from __future__ import annotations

import numpy as np

from keras_haframe.collapse.checks import check_matrix
from keras_haframe.collapse.measure import NeuralCollapse
from keras_haframe.collapse.statistics import ClassStatistics
from keras_haframe.collapse.targets import GivenTarget
from keras_haframe.tree_ops.checks import check_labels
from keras_haframe.tree_ops.options import check_count
from keras_haframe.tree_ops.values import Tensor, to_numpy


def _arrays(
    features: Tensor, labels: Tensor, num_classes: int | None
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return checked arrays, and the number of classes: as given, or the largest label plus one."""
    features = to_numpy(features, "features")
    if features.ndim != 2:
        raise ValueError(f"`features` must be [n, d]. Received shape: {features.shape}.")
    features = check_matrix(features, "features", None, features.shape[1])
    labels = to_numpy(labels, "labels")
    if num_classes is None:
        if not labels.size:
            raise ValueError("`num_classes` must be given where there are no samples.")
        one_hot = labels.ndim == 2 and labels.shape[1] > 1
        num_classes = labels.shape[1] if one_hot else max(int(labels.max()) + 1, 1)
    num_classes = check_count(num_classes, "num_classes")
    return features, check_labels(labels, num_classes, len(features)), num_classes


def neural_collapse(
    features: Tensor,
    labels: Tensor,
    num_classes: int | None = None,
    classifier: Tensor | None = None,
    *,
    bias: Tensor | None = None,
    target: GivenTarget | None = None,
    mean: str = "class",
    centered: bool = True,
) -> dict[str, float]:
    """NC1 to NC4 of features in memory.

    Args:
        features: `[n, d]`, as the classifier sees them.
        labels: Integers `[n]`.
        num_classes: K. By default the size of `target` or `classifier`, else the largest label
            plus one.
        classifier: Optional `[K, d]` classifier rows; without them there is no NC3 and NC4.
        bias: Optional `[K]` classifier bias.
        target: Gram matrix the class means should take; None for the simplex ETF.
        mean: Center of the class means, `"class"` or `"sample"`.
        centered: False compares raw class means with the target itself.

    Returns:
        The dict of `NeuralCollapse.result`, with `nc4` and `nc4_macro` if `classifier` is given.

    Raises:
        ValueError: On wrong shapes, labels or values.

    Example:

    >>> features = [[1.0, 0.1], [1.0, -0.1], [-1.0, 0.1], [-1.0, -0.1]]
    >>> measures = neural_collapse(features, [0, 0, 1, 1])
    >>> measures["nc1"], round(measures["nc1_quotient"], 12), measures["nc2"]
    (0.0, 0.01, 0.0)
    """
    for known in (target, classifier):
        if num_classes is None and known is not None and not callable(known):
            num_classes = len(known)
    features, labels, num_classes = _arrays(features, labels, num_classes)
    measure = NeuralCollapse(
        num_classes, features.shape[1], target, mean=mean, centered=centered, keep_bytes=0
    )
    measure.update(features, labels)
    result = measure.result(classifier, bias)
    if classifier is not None:
        second = measure.nc4_pass()
        second.update_linear(features, labels, classifier=classifier, bias=bias)
        result |= second.result()
    return result


def class_means(
    features: Tensor, labels: Tensor, num_classes: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Class means in float64.

    Args:
        features: `[n, d]`.
        labels: Integers `[n]`.
        num_classes: K, by default the largest label plus one.

    Returns:
        `(means, counts)`: `[K, d]`, with rows of zeros for classes without a sample, and int64
        `[K]`.

    Raises:
        ValueError: On wrong shapes, labels or values.

    Example:

    >>> class_means([[1.0], [3.0]], [0, 0])
    (array([[2.]]), array([2]))
    """
    features, labels, num_classes = _arrays(features, labels, num_classes)
    statistics = ClassStatistics(num_classes, features.shape[1])
    statistics.update(features, labels)
    return statistics.means, statistics.counts
