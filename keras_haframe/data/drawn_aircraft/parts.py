"""Paints the parts of an aircraft on a `Canvas`: one function per part.

`x` grows towards the nose and is 0 in the middle of the fuselage; `side` is the
distance from the center line. Both are in meters.
"""

from __future__ import annotations

import numpy as np

from keras_haframe.data.drawn_aircraft.canvas import Canvas, Selection
from keras_haframe.data.drawn_aircraft.shapes import Values, body, capsule, lifting_surface

GLASS = np.array([0.10, 0.14, 0.22], np.float64)
BLADES = np.array([0.24, 0.24, 0.26], np.float64)


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
    lean = np.where(canvas.sin_roll[rows] < 0, -1.0, 1.0).astype(np.float64)
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


# Engines and propellers


def _nacelle(
    canvas: Canvas,
    rows: np.ndarray,
    x: Values,
    off: Values,
    front: Values,
    length: Values,
    radius: Values,
    jet: Values,
) -> None:
    """One engine: a round bar; a jet's is cut off in front and shows a dark intake."""
    distance = capsule(x, off, front, length, radius)
    distance = np.maximum(distance, jet * (x - front + 0.35 * radius))
    tone = 1.05 - 0.35 * (off / radius) ** 2
    tone *= 1.0 - 0.5 * jet * (x > front - 0.7 * radius)
    canvas.paint(rows, distance, canvas.engine[rows], tone)


def wing_engines(canvas: Canvas, part: Selection, place: str) -> None:
    """Engines on both wings at the share `place`: jets below, propeller engines inside."""
    if len(part):
        jet = part["pod_prop"] == 0
        height = wing_height(part) - jet * 0.9 * part["pod_radius"]
        x, y = canvas.plane(part.rows, height)
        side = part[place] * 0.5 * part["span"]
        front = wing_lead(part, side) + part["pod_forward"]
        bar = (front, part["pod_length"], part["pod_radius"])
        _nacelle(canvas, part.rows, x, np.abs(y) - side, *bar, jet)


def rear_engines(canvas: Canvas, part: Selection) -> None:
    """Jets on both sides of the rear fuselage."""
    if len(part):
        x, y = canvas.plane(part.rows, 0.2 * part["width"])
        off = np.abs(y) - 0.5 * part["width"] - 0.85 * part["rear_radius"]
        bar = (place_of(part, "rear_at"), part["rear_length"], part["rear_radius"])
        _nacelle(canvas, part.rows, x, off, *bar, 1.0)


def center_engine(canvas: Canvas, part: Selection) -> None:
    """Draw a third jet on the back, before the fin."""
    if len(part):
        x, y = canvas.plane(part.rows, 0.5 * part["width"])
        front = tail_end(part) + part["fin_root"] + 0.6 * part["rear_length"]
        bar = (front, part["rear_length"], part["rear_radius"])
        _nacelle(canvas, part.rows, x, np.abs(y), *bar, 1.0)


def propellers(canvas: Canvas, part: Selection, radius: str, place: str | None) -> None:
    """Spinning propellers, seen nearly edge-on: at the nose, or on the wing engines."""
    if not len(part):
        return
    rows, size = part.rows, part[radius]
    side: Values = 0.0
    height: Values = 0.0
    front = 0.5 * part["length"]
    if place is not None:
        side, height = part[place] * 0.5 * part["span"], wing_height(part)
        front = wing_lead(part, side) + part["pod_forward"]
    x, y = canvas.plane(rows, height)
    thin = size * (0.1 + np.abs(canvas.sin_pitch[rows]))
    ring = np.sqrt(((x - front) / thin) ** 2 + ((np.abs(y) - side) / size) ** 2)
    canvas.paint(rows, (ring - 1.0) * thin, BLADES, opacity=0.6, rim=0.0)


# Where the parts sit, and how their surfaces catch the light


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
