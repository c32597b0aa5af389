"""Learning-rate groups: a multiplier for every weight, by patterns of its path."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import keras


def checked_multipliers(multipliers: Mapping[str, float] | None) -> dict[str, float]:
    """Return multipliers by pattern, or raise.

    Raises:
        ValueError: If a multiplier is negative or not finite.
    """
    made = dict(multipliers or {})
    for pattern, multiplier in made.items():
        if not 0 <= multiplier < math.inf:
            raise ValueError(
                "Values of `multipliers` must be in [0, inf). "
                f"Received: {multiplier} for pattern {pattern!r}"
            )
    return made


def multiplier_of(multipliers: Mapping[str, float], variable: keras.Variable) -> float:
    """Multiplier of a weight: that of the first pattern its path matches, else 1."""
    found = (m for pattern, m in multipliers.items() if re.search(pattern, variable.path))
    return next(found, 1.0)
