"""Learning-rate groups: a multiplier for every weight, by patterns of its path."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

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


def head_pattern(model: keras.Model, slow: Iterable[keras.Variable]) -> str:
    """Regular expression of the paths of a model's weights, those of `slow` left out.

    By the head's layers, whose names are ours: paths of a backbone change when it is reloaded.
    """
    others = {id(v) for v in slow}
    head = {v.path.split("/")[0] for v in model.trainable_variables if id(v) not in others}
    return f"^({'|'.join(map(re.escape, sorted(head)))})/"
