"""The two conventions for the center of the class means."""

from __future__ import annotations

import numpy as np

CONVENTIONS = ("class", "sample")


def check_convention(mean: str) -> str:
    """`mean` if it names a convention.

    Raises:
        ValueError: if it does not.
    """
    if mean not in CONVENTIONS:
        raise ValueError(
            "`mean` must be 'class' (mean of the class means) or 'sample' (mean of all samples). "
            f"Received: {mean!r}"
        )
    return mean


def class_prior(counts, mean: str = "class") -> np.ndarray:
    """Weights of the class means in the global mean.

    Args:
        counts: `[K]` samples per class, all positive.
        mean: `"class"` for equal weights, `"sample"` for weights in proportion to the counts.
            They agree on balanced data only; published numbers use either.

    Returns:
        Float64 `[K]`, summing to one.

    Example:

    >>> class_prior([1, 3], "sample")
    array([0.25, 0.75])
    """
    counts = np.asarray(counts, np.float64)
    if check_convention(mean) == "class":
        return np.full(counts.shape, 1.0 / counts.size)
    return counts / counts.sum()


def center(means: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """`[K, d]` class means minus their `prior`-weighted mean."""
    # The second pass removes what rounding left of a large common offset in the first.
    centered = means - prior @ means
    centered -= prior @ centered
    return centered
