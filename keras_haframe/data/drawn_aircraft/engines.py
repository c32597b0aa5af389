"""Paints engines and propellers on a `Canvas`; coordinates as in `stations`."""

from __future__ import annotations

import numpy as np

from keras_haframe.data.drawn_aircraft.canvas import Canvas, Selection
from keras_haframe.data.drawn_aircraft.shapes import Values, capsule
from keras_haframe.data.drawn_aircraft.stations import place_of, tail_end, wing_height, wing_lead

BLADES = np.array([0.24, 0.24, 0.26], np.float32)


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
