"""Temperature scaling: class probabilities that match the share of right answers."""

from __future__ import annotations

import numpy as np
from keras import ops
from scipy import optimize

from keras_haframe.tree_ops.checks import check_labels, check_logits
from keras_haframe.tree_ops.options import positive
from keras_haframe.tree_ops.values import Tensor

# Search range of the temperature, relative to the largest spread of scores in a row: softmax is
# uniform to 0.1 % at one end, and tells scores apart that differ by 0.1 % of it at the other.
RANGE = (1e-3, 1e3)
PROBABILITIES = "Pass `model.predict(x)`, or the logarithm of the probabilities."


def fit_temperature(labels: Tensor, scores: Tensor) -> float:
    """Temperature that minimizes the negative log-likelihood of held-out labels.

    `NLL(T) = -mean_b log softmax(z_b / T)[y_b]` is convex in `1 / T`; the minimum is found in
    float64 as the root of its derivative, by Brent's method. Multiplying all scores by a number
    multiplies the result by it. The ranking of classes does not change.

    Args:
        labels: Integer labels `[n]` of held-out examples.
        scores: Their class scores (logits) `[n, K]`, as `model.predict(x)` gives them.

    Returns:
        The temperature. Above 1 where the model is over-confident. Where the likelihood has no
        minimum it is an end of the search range, 0.001 times the largest spread (max - min) of the
        scores of an example if every label has the largest score, and 1000 times it if the labels
        score below average; 1 for constant scores.

    Raises:
        ValueError: If there is no example, shapes do not fit, or scores are not finite or are
            probabilities already.

    Example:

    >>> scores = [[4.0, 0.0]] * 4  # 98 % sure, and right three times in four
    >>> temperature = fit_temperature([0, 0, 0, 1], scores)
    >>> round(temperature, 3), round(float(apply_temperature(scores, temperature)[0, 0]), 3)
    (3.641, 0.75)

    Reference: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks (ICML
    2017), section 4.2.
    """
    given = check_logits(scores, "`scores`", PROBABILITIES)
    z = np.asarray(ops.convert_to_numpy(given), np.float64)
    if z.ndim != 2 or not z.size:
        raise ValueError(
            f"`scores` must have shape [examples, classes], not empty. Received shape: {z.shape}"
        )
    if not np.isfinite(z).all():
        raise ValueError("`scores` must be finite. Received NaN or infinite values.")
    y = check_labels(labels, z.shape[1], len(z))
    z = z - z.max(axis=1, keepdims=True)
    spread = -z.min()
    if spread == 0:
        return 1.0
    z /= spread
    return float(spread / _best_inverse(z, z[np.arange(len(z)), y]))


def _best_inverse(z: np.ndarray, own: np.ndarray) -> float:
    """Inverse temperature at which the mean expected score equals the mean score of the label."""

    def slope(inverse: float) -> float:
        p = np.exp(inverse * z)
        return float(np.mean((p * z).sum(axis=1) / p.sum(axis=1) - own))

    low, high = 1 / RANGE[1], 1 / RANGE[0]
    if slope(low) >= 0:
        return low
    if slope(high) <= 0:
        return high
    return optimize.brentq(slope, low, high, xtol=1e-15, rtol=1e-12)


def apply_temperature(scores: Tensor, temperature: float) -> Tensor:
    """Class probabilities `softmax(scores / temperature)`.

    Args:
        scores: `[B, K]` class scores (logits).
        temperature: Positive number, from `fit_temperature`.

    Returns:
        Tensor `[B, K]` of probabilities (float32 for half-precision scores).

    Raises:
        ValueError: If the temperature is not positive and finite, or the scores are of another
            shape or probabilities already.

    Example:

    >>> [round(float(p), 3) for p in apply_temperature([[4.0, 0.0]], 2.0)[0]]
    [0.881, 0.119]

    Reference: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks (ICML
    2017), section 4.2.
    """
    temperature = positive("temperature", temperature)
    z = check_logits(scores, "`scores`", PROBABILITIES)
    if len(z.shape) != 2 or not z.shape[1]:
        raise ValueError(
            f"`scores` must have shape [examples, classes]. Received shape: {tuple(z.shape)}"
        )
    # Shift first: large scores divided by a small temperature would overflow.
    z = z - ops.max(z, axis=-1, keepdims=True, initial=-np.inf)
    return ops.softmax(z / ops.cast(temperature, z.dtype), axis=-1)
