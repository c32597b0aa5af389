"""How often a run saves: steps, or a time."""

from __future__ import annotations

import re

SECONDS = {"s": 1, "min": 60, "h": 3600}


def steps_or_seconds(save_every: int | str | None) -> tuple[float, float]:
    """Return steps and seconds between two saves; infinity for the one that is not meant.

    Args:
        save_every: Training steps, `500` or `"500"`; a time, `"30s"`, `"1min"`, `"2h"`; or `None`.

    Raises:
        ValueError: If it is none of them, or not positive.

    Example:

    >>> steps_or_seconds(500), steps_or_seconds("1min"), steps_or_seconds(None)
    ((500.0, inf), (inf, 60.0), (inf, inf))
    """
    never = float("inf")
    if save_every is None:
        return never, never
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(s|min|h)?", str(save_every))
    number, unit = (float(found[1]), found[2]) if found else (0.0, None)
    if isinstance(save_every, bool) or not number or (unit is None and number % 1):
        raise ValueError(
            "`save_every` must be a number of steps or a time such as '30s', '1min' or '1h'. "
            f"Received: save_every={save_every!r}"
        )
    return (number, never) if unit is None else (never, number * SECONDS[unit])
