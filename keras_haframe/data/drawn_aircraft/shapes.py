"""Signed distances to the shapes an aircraft is made of.

All shapes are symmetric about the center line, so they take the distance from it,
`side >= 0`, and `x`, which grows towards the nose. Distances are in the unit of the
coordinates, negative inside; near the outline they are true to second order, which
is all that anti-aliasing needs. Sizes are columns `[B, 1]`, coordinates `[B, P]`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Values: TypeAlias = Any  # a column `[B, 1]`, coordinates `[B, P]`, or one number for all


def lifting_surface(
    x: Values,
    side: Values,
    front: Values,
    half_span: Values,
    root: Values,
    tip: Values,
    slope: Values,
    kink: Values = 0.0,
    strake: Values = 0.0,
    bend: Values = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Wing, tailplane or fin: a trapezoid whose leading edge runs backwards.

    Args:
        x: Coordinate towards the nose.
        side: Distance from the center line.
        front: `x` of the leading edge at the center line.
        half_span: Length from the center line to the tip.
        root: Chord at the center line.
        tip: Chord at the tip.
        slope: Tangent of the sweep of the leading edge.
        kink: Chord added behind, falling to zero at a third of the half span.
        strake: Chord added ahead, falling to zero at a third of the half span.
        bend: 0 for a straight tip to 1 for an elliptic one.

    Returns:
        Tuple of the signed distance, the share of the half span (0 at the center
        line, 1 at the tip) and the depth behind the leading edge in chords.
    """
    share = side / half_span
    inner = np.maximum(1.0 - 3.0 * share, 0.0)
    chord = root + (tip - root) * share
    lead = front - side * slope
    if np.any(bend):
        # An ellipse from the middle of the half span outwards, about the chord's middle.
        out = np.clip(2.0 * share - 1.0, 0.0, 1.0)
        lost = bend * (1.0 - np.sqrt(1.0 - out * out)) * chord
        chord, lead = chord - lost, lead - 0.5 * lost
    if np.any(strake):
        lead = lead + strake * inner
        chord = chord + strake * inner
    if np.any(kink):
        chord = chord + kink * inner
    depth = lead - x
    # Slanted edges are closer than they look along x.
    ahead = -depth / np.sqrt(1.0 + slope * slope)
    aft = slope + (tip - root) / half_span
    behind = (depth - chord) / np.sqrt(1.0 + aft * aft)
    distance = np.maximum(np.maximum(ahead, behind), side - half_span)
    return distance, share, depth / np.maximum(chord, 1e-3)


def body(
    x: Values,
    side: Values,
    length: Values,
    width: Values,
    nose: Values,
    blunt: Values,
    cone: Values,
    tail_width: Values,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fuselage between `-length / 2` and `length / 2`: nose, straight part, tail cone.

    Args:
        x: Coordinate towards the nose.
        side: Distance from the center line.
        length: Length.
        width: Largest width.
        nose: Share of the length over which the nose widens.
        blunt: 0 for a parabolic nose to 1 for an elliptic one.
        cone: Share of the length over which the tail narrows.
        tail_width: Width at the end over the largest width.

    Returns:
        Tuple of the signed distance, the station (0 at the nose, 1 at the end), and
        the distance from the center line over the half width at that station.
    """
    station = 0.5 - x / length
    ahead = np.clip(1.0 - station / nose, 0.0, 1.0)
    full = 1.0 - ahead * ahead
    behind = np.clip((station - 1.0) / cone + 1.0, 0.0, 1.0)
    profile = (1.0 - blunt) * full + blunt * np.sqrt(full)
    profile -= (1.0 - tail_width) * behind * np.sqrt(behind)
    half = 0.5 * width * np.maximum(profile, 0.0)
    distance = np.maximum(side - half, np.abs(x) - 0.5 * length)
    return distance, station, side / np.maximum(half, 1e-3)


def capsule(x: Values, side: Values, front: Values, length: Values, radius: Values) -> np.ndarray:
    """Engine, tank or boom: a bar with round ends. Returns the signed distance."""
    half = 0.5 * length - radius
    along = np.maximum(np.abs(x - front + 0.5 * length) - half, 0.0)
    return np.sqrt(along * along + side * side) - radius
