"""Checks of options: levels, counts, numbers and choices, one wording each."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np


def check_level(level: int, height: int, name: str = "level") -> int:
    """Return a level of the tree as a number from 1 to `height`.

    Levels are depths, as the papers number them: 1 are the children of the root, `height` the
    classes. Negative numbers count from the classes: -1 the classes, -2 their parents.

    Args:
        level: The level.
        height: Height of the tree.
        name: Name of the option, for the error.

    Raises:
        ValueError: If it is no such integer; 0, the root, is none.

    Example:

    >>> check_level(1, height=5), check_level(-1, height=5), check_level(-2, height=5)
    (1, 5, 4)
    """
    integer = isinstance(level, (int, np.integer)) and not isinstance(level, bool)
    if not integer or not (1 <= level <= height or -height <= level <= -1):
        raise ValueError(
            f"`{name}` must be an integer from 1 (children of the root) to {height} (classes), or "
            f"from -1 (classes) to {-height} upwards; 0 would be the root. "
            f"Received: {name}={level!r}"
        )
    return int(level) if level > 0 else height + 1 + int(level)


def check_count(
    value: int, name: str, least: int = 1, most: int | None = None, why: str = ""
) -> int:
    """Return an option as an integer from `least` to `most`; `why` explains the bounds."""
    integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not integer or value < least or (most is not None and value > most):
        kind = "a positive integer" if least == 1 else f"an integer of at least {least}"
        kind = kind if most is None else f"an integer from {least} to {most}"
        raise ValueError(f"`{name}` must be {kind}{why}. Received: {name}={value!r}")
    return int(value)


def non_negative(name: str, value: Any) -> float:
    """Return an option as a float if it is a finite number that is not negative."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not 0 <= value < math.inf:
        raise ValueError(f"`{name}` must be a number in [0, inf). Received: {name}={value!r}")
    return float(value)


def positive(name: str, value: float, why: str = "") -> float:
    """Return an option as a float if it is a finite number above zero; `why` explains that."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        raise ValueError(f"`{name}` must be positive and finite{why}. Received: {name}={value!r}")
    return float(value)


def check_momentum(name: str, value: float) -> float:
    """Return an option as a float if it is a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 <= value <= 1:
        raise ValueError(f"`{name}` must be a number from 0 to 1. Received: {name}={value!r}")
    return float(value)


def check_choice(name: str, value: str, choices: Iterable[str], why: str = "") -> str:
    """Return an option if it is one of the choices; `why` explains them in an error."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(
            f"`{name}` must be one of {tuple(choices)}{why}. Received: {name}={value!r}"
        )
    return value
