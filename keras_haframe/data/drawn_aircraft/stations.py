"""Where the parts of an aircraft sit, and how its surfaces catch the light.

`x` grows towards the nose and is 0 in the middle of the fuselage, in meters.
"""

from __future__ import annotations

import numpy as np

from keras_haframe.data.drawn_aircraft.canvas import Canvas, Selection
from keras_haframe.data.drawn_aircraft.shapes import Values


def place_of(part: Selection, station: str) -> np.ndarray:
    """Compute x of a station, a share of the length counted from the nose."""
    return (0.5 - part[station]) * part["length"]


def wing_height(part: Selection) -> np.ndarray:
    """Height of the wing above the fuselage's middle."""
    return 0.5 * part["wing_z"] * part["width"]


def wing_lead(part: Selection, side: Values) -> np.ndarray:
    """Compute x of the wing's leading edge at a distance from the center line."""
    return place_of(part, "wing_at") - side * np.tan(np.radians(part["sweep"]))


def tail_end(part: Selection) -> np.ndarray:
    """Compute x of the end of the tail: of the fuselage, or of the booms."""
    behind = place_of(part, "tail_at") - part["tail_root"]
    return np.where(part["boom_y"] > 0, behind, -0.5 * part["length"])


def two_tone(canvas: Canvas, rows: np.ndarray, y: Values) -> np.ndarray:
    """Brightness of a surface whose halves face a little to either side."""
    return 1.0 + 0.12 * canvas.light[rows] * np.sign(y)
