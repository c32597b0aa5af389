"""Words no wider than their room, measured whenever a figure is drawn."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import text_to_path


@functools.lru_cache(2**14)
def width(words: str, size: float) -> float:
    """Width of a line in points."""
    font = FontProperties(size=size)
    return text_to_path.get_text_width_height_descent(words, font, ismath=False)[0]


def shorten(words: str, room: float, size: float) -> str:
    """`words`, cut and ended with an ellipsis where they are wider than `room` points."""
    if width(words, size) <= room:
        return words
    fits = (n for n in range(len(words) - 1, 0, -1) if width(f"{words[:n]}…", size) <= room)
    return f"{words[: next(fits, 0)].rstrip()}…"


def first_fitting(texts: Sequence[str], room: float, size: float) -> str:
    """Return the first of several texts that is no wider than `room` points; empty if none is."""
    return next((text for text in texts if width(text, size) <= room), "")


class Fitted(Text):
    """Text in data coordinates that is made anew for the room that it has.

    Args:
        x: Place.
        y: Place.
        fit: Room and size of letters, both in points, to the words.
        room: Room across, in data units.
        options: As of `Text`.
    """

    def __init__(
        self, x: float, y: float, fit: Callable[[float, float], str], room: float, **options: Any
    ) -> None:
        # A clipped text would be cut at the edge of the Axes; `$` is a letter of names.
        super().__init__(x, y, "", **{"clip_on": False, "parse_math": False, **options})
        self._fit, self._room = fit, room

    def get_text(self) -> str:
        """Words for the present size of the Axes."""
        if self.axes is None:
            return ""
        ends = self.axes.transData.transform([(0.0, 0.0), (self._room, 0.0)])
        room = abs(ends[1, 0] - ends[0, 0]) * 72 / self.axes.figure.dpi
        return self._fit(room, float(self.get_fontsize()))
