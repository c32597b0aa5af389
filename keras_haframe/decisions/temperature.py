"""Temperature scaling: class probabilities that match the share of right answers."""

from __future__ import annotations

import numpy as np
from keras import ops
from scipy.optimize import brentq
from scipy.special import softmax

from keras_haframe.tree_ops.checks import check_labels, full_precision

# Search range of the temperature, relative to the largest spread of logits in a row: softmax is
# uniform to 0.1 % at one end, and tells logits apart that differ by 0.1 % of it at the other.
RANGE = (1e-3, 1e3)


def fit_temperature(labels, logits) -> float:
    """Temperature that minimizes the negative log-likelihood of held-out labels.

    `NLL(T) = -mean_b log softmax(z_b / T)[y_b]` is convex in `1 / T`; the minimum is found in
    float64 by Brent's method on its slope. Multiplying all
    logits by a number multiplies the result by it. The ranking of classes does not change.

    Args:
        labels: Integer labels `[n]` of held-out examples.
        logits: `[n, K]` their class scores (`model.predict(x)`).

    Returns:
        The temperature. Above 1 where the model is over-confident. Where the likelihood has no
        minimum it is an end of the search range, 0.001 times the largest spread (max - min) of the
        logits of an example if every label has the largest logit, and 1000 times it if the labels
        score below average; 1 for constant logits.

    Raises:
        ValueError: If there is no example, shapes do not fit, or logits are not finite.

    Example:

    >>> logits = [[4.0, 0.0]] * 4  # 98 % sure, and right three times in four
    >>> temperature = fit_temperature([0, 0, 0, 1], logits)
    >>> round(temperature, 3), round(float(apply_temperature(logits, temperature)[0, 0]), 3)
    (3.641, 0.75)

    Reference: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks (ICML
    2017), section 4.2.
    """
    z = np.asarray(ops.convert_to_numpy(full_precision(logits)), np.float64)
    if z.ndim != 2 or not z.size:
        raise ValueError(
            f"`logits` must have shape [examples, classes], not empty. Received shape: {z.shape}"
        )
    if not np.isfinite(z).all():
        raise ValueError("`logits` must be finite. Received NaN or infinite values.")
    y = check_labels(labels, z.shape[1], len(z))
    z = z - z.max(axis=1, keepdims=True)
    spread = -z.min()
    if spread == 0:
        return 1.0
    z /= spread
    return float(spread / _best_inverse(z, z[np.arange(len(z)), y]))


def _best_inverse(z: np.ndarray, own: np.ndarray) -> float:
    """Inverse temperature at which the mean expected logit equals the mean logit of the label."""

    def slope(log_inverse: float) -> float:  # of the negative log-likelihood
        p = softmax(np.exp(log_inverse) * z, axis=1)
        return float(np.mean((p * z).sum(axis=1) - own))

    low, high = -np.log(RANGE[1]), -np.log(RANGE[0])
    if slope(low) >= 0:
        return float(np.exp(low))
    if slope(high) <= 0:
        return float(np.exp(high))
    return float(np.exp(brentq(slope, low, high, xtol=1e-12, rtol=1e-12)))


def apply_temperature(logits, temperature: float):
    """Class probabilities `softmax(logits / temperature)`.

    Args:
        logits: `[B, K]` class scores.
        temperature: Positive number, from `fit_temperature`.

    Returns:
        Tensor `[B, K]` of probabilities (float32 for half-precision logits).

    Raises:
        ValueError: If the temperature is not positive and finite.

    Example:

    >>> [round(float(p), 3) for p in apply_temperature([[4.0, 0.0]], 2.0)[0]]
    [0.881, 0.119]

    Reference: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks (ICML
    2017), section 4.2.
    """
    if not 0 < temperature < np.inf:
        raise ValueError(
            f"`temperature` must be positive and finite. Received: temperature={temperature!r}"
        )
    z = full_precision(logits)
    # Shift first: large logits divided by a small temperature would overflow.
    z = z - ops.max(z, axis=-1, keepdims=True, initial=-np.inf)
    return ops.softmax(z / ops.cast(temperature, z.dtype), axis=-1)
