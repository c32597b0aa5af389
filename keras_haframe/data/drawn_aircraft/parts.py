"""Paints the parts of an aircraft on a `Canvas`: one function per part.

`x` grows towards the nose and is 0 in the middle of the fuselage; `side` is the
distance from the center line. Both are in meters.
"""

from __future__ import annotations

import numpy as np

from keras_haframe.data.drawn_aircraft.canvas import Canvas, Selection
from keras_haframe.data.drawn_aircraft.engines import (
    center_engine,
    propellers,
    rear_engines,
    wing_engines,
)
from keras_haframe.data.drawn_aircraft.shapes import Values, body, capsule, lifting_surface
from keras_haframe.data.drawn_aircraft.stations import (
    place_of,
    tail_end,
    two_tone,
    wing_height,
    wing_lead,
)

GLASS = np.array([0.10, 0.14, 0.22], np.float32)


def paint_aircraft(canvas: Canvas) -> None:
    """Paint every aircraft of the canvas, the lowest part first."""
    d = canvas.design
    low, one = d["wing_z"] <= 0, d["pods"] >= 1
    wing_engines(canvas, canvas.having(one), "pod_y")
    wing_engines(canvas, canvas.having(d["pods"] >= 2), "pod_y2")
    wing(canvas, canvas.having(low))
    tailplane(canvas, canvas.having(d["tail_span"] > 0, d["tail_high"] == 0))
    booms(canvas, canvas.having(d["boom_y"] > 0))
    rear_engines(canvas, canvas.having(d["rear_length"] > 0))
    fuselage(canvas, canvas.having(d["length"] > 0))
    wing(canvas, canvas.having(~low))
    canard(canvas, canvas.having(d["canard_span"] > 0))
    propellers(canvas, canvas.having(d["nose_prop"] > 0), "nose_prop", None)
    propellers(canvas, canvas.having(d["pod_prop"] > 0, one), "pod_prop", "pod_y")
    propellers(canvas, canvas.having(d["pod_prop"] > 0, d["pods"] >= 2), "pod_prop", "pod_y2")
    center_engine(canvas, canvas.having(d["center_engine"] > 0))
    fin(canvas, canvas.having(d["fin"] > 0), 1.0)
    fin(canvas, canvas.having(d["fin"] > 0, d["fin_y"] > 0), -1.0)
    tailplane(canvas, canvas.having(d["tail_span"] > 0, d["tail_high"] > 0))
    dome(canvas, canvas.having(d["dome"] > 0))


def wing(canvas: Canvas, part: Selection) -> None:
    """Wing with flaps, painted tips, winglets and tip tanks."""
    if not len(part):
        return
    rows, half = part.rows, 0.5 * part["span"]
    x, y = canvas.plane(rows, wing_height(part))
    side = np.abs(y)
    slope = np.tan(np.radians(part["sweep"]))
    sizes = (place_of(part, "wing_at"), half, part["root"], part["tip"], slope)
    extras = (part["kink"], part["strake"], part["tip_round"])
    distance, share, depth = lifting_surface(x, side, *sizes, *extras)
    tone = two_tone(canvas, rows, y) * (1.0 - 0.14 * ((depth > 0.74) & (share < 0.93)))
    canvas.paint(rows, distance, canvas.wing[rows], tone)
    canvas.paint(rows, np.maximum(distance, (0.86 - share) * half), canvas.tips[rows], tone)
    _winglets(canvas, rows, part, x, side - half)
    _tip_tanks(canvas, rows, part, x, side - half)


def _winglets(
    canvas: Canvas, rows: np.ndarray, part: Selection, x: np.ndarray, out: np.ndarray
) -> None:
    has = np.flatnonzero(part["winglet"][:, 0])
    if len(has):
        rows, x, out = rows[has], x[has], out[has]
        part = Selection(canvas.design, rows)
        lead, tip = wing_lead(part, 0.5 * part["span"]), part["tip"]
        distance, _, _ = lifting_surface(x, out, lead, part["winglet"], tip, 0.45 * tip, 1.3)
        canvas.paint(rows, np.maximum(distance, -out), canvas.tips[rows], 1.1)


def _tip_tanks(
    canvas: Canvas, rows: np.ndarray, part: Selection, x: np.ndarray, out: np.ndarray
) -> None:
    has = np.flatnonzero(part["tip_tank"][:, 0])
    if len(has):
        rows, x, out = rows[has], x[has], out[has]
        part = Selection(canvas.design, rows)
        length = part["tip_tank"]
        front = wing_lead(part, 0.5 * part["span"]) + 0.3 * length
        distance = capsule(x, out, front, length, 0.13 * length)
        canvas.paint(rows, distance, canvas.engine[rows])


def booms(canvas: Canvas, part: Selection) -> None:
    """Two bars that carry the tail."""
    if len(part):
        x, y = canvas.plane(part.rows, 0.3 * part["width"])
        front = place_of(part, "wing_at")
        off = np.abs(y) - part["boom_y"]
        distance = capsule(x, off, front, front - tail_end(part), 0.14 * part["width"])
        canvas.paint(part.rows, distance, canvas.base[part.rows])


def fuselage(canvas: Canvas, part: Selection) -> None:
    """Round body with its markings, cabin windows and cockpit glass."""
    rows, length = part.rows, part["length"]
    x, y = canvas.plane(rows, 0.0)
    ends = (part["nose"], part["blunt"], part["cone"], part["tail_width"])
    distance, station, across = body(x, np.abs(y), length, part["width"], *ends)
    across = np.minimum(across, 1.0) * np.sign(y)
    back = across - 0.6 * canvas.sin_roll[rows]  # 0 on the ridge, which the roll moves
    tone = 1.06 - 0.42 * (across - 0.5 * canvas.light[rows]) ** 2
    canvas.paint(rows, distance, canvas.base[rows], tone)

    marked = station > canvas.tail_from[rows]
    marked |= (np.abs(back) < 0.28) & canvas.has_stripe[rows]
    marked |= (np.abs(station - 0.24) < 0.03) & canvas.has_band[rows]
    canvas.paint(rows, distance, canvas.accent[rows], tone, marked, rim=0.0)

    # Windows stand on both sides; rolling turns one row up and the other away.
    row = np.exp(-(((np.abs(across + 0.7 * canvas.sin_roll[rows]) - 0.62) / 0.16) ** 2))
    pitch = part["window_pitch"]
    dots = 0.5 + 0.5 * np.cos(2.0 * np.pi * x / np.maximum(pitch, 1e-3))
    dots *= (pitch > 0) & (station > part["window_from"]) & (station < part["window_to"])
    canvas.paint(rows, distance, GLASS, opacity=0.85 * row * dots, rim=0.0)

    middle = part["canopy_at"] * length + 0.5 * part["canopy_length"]
    glass = np.abs(station * length - middle) - 0.5 * part["canopy_length"]
    glass = np.maximum(glass, (np.abs(back) - 0.66) * 0.5 * part["width"])
    shine = 1.0 + 1.6 * (back * canvas.light[rows] > 0.2)
    canvas.paint(rows, np.maximum(distance, glass), GLASS, shine)


def _surface(
    canvas: Canvas,
    rows: np.ndarray,
    height: Values,
    sizes: tuple[Values, Values, Values, Values],
    sweep: Values,
    color: Values,
) -> None:
    """Draw a plain small wing: tailplane or foreplane."""
    x, y = canvas.plane(rows, height)
    distance, _, depth = lifting_surface(x, np.abs(y), *sizes, np.tan(np.radians(sweep)))
    tone = two_tone(canvas, rows, y) * (1.0 - 0.14 * (depth > 0.7))
    canvas.paint(rows, distance, color, tone)


def tailplane(canvas: Canvas, part: Selection) -> None:
    """Tailplane, on the fuselage or on top of the fin."""
    if len(part):
        height = 0.2 * part["width"] + part["tail_high"] * part["fin"]
        front = place_of(part, "tail_at") - part["tail_high"] * 0.35 * part["fin"]
        sizes = (front, 0.5 * part["tail_span"], part["tail_root"], part["tail_tip"])
        color = canvas.tips[part.rows]
        _surface(canvas, part.rows, height, sizes, part["tail_sweep"], color)


def canard(canvas: Canvas, part: Selection) -> None:
    """Foreplane ahead of the wing."""
    if len(part):
        root = part["canard_root"]
        sizes = (place_of(part, "canard_at"), 0.5 * part["canard_span"], root, 0.4 * root)
        _surface(canvas, part.rows, 0.3 * part["width"], sizes, 45.0, canvas.wing[part.rows])


def fin(canvas: Canvas, part: Selection, sign: float) -> None:
    """Upright fin: a line from straight above, and a swept surface when rolled."""
    if not len(part):
        return
    rows = part.rows
    root, thick = part["fin_root"], 0.012 * part["length"]
    lean = np.where(canvas.sin_roll[rows] < 0, -1.0, 1.0).astype(np.float32)
    rise = np.abs(canvas.sin_roll[rows])
    x = canvas.along[rows] / canvas.cos_pitch[rows]
    y = canvas.across[rows] - sign * part["fin_y"] * canvas.cos_roll[rows]
    foot = y * lean - 0.25 * part["width"] * rise
    # Height along the fin, which the roll foreshortens; below its thickness it is 0.
    height = np.maximum(foot - thick, 0.0) / np.maximum(rise, 0.02)
    slope = 0.84 - canvas.sin_pitch[rows]  # 40 degrees of sweep
    sizes = (tail_end(part) + root, part["fin"], root, 0.45 * root)
    distance, _, _ = lifting_surface(x, height, *sizes, slope)
    distance = np.maximum(distance, -foot - thick)
    canvas.paint(rows, distance, canvas.accent[rows], 0.95 - 0.25 * canvas.light[rows] * lean)


def dome(canvas: Canvas, part: Selection) -> None:
    """Radar dome above the fuselage, with a dark bar across."""
    if len(part):
        x, y = canvas.plane(part.rows, part["width"])
        distance = np.sqrt((x - place_of(part, "dome_at")) ** 2 + y * y) - part["dome"]
        bar = np.abs(y) < 0.2 * part["dome"]
        canvas.paint(part.rows, distance, canvas.base[part.rows], 1.0 - 0.45 * bar)
