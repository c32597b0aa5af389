"""What lies behind and before the aircraft: sky, clouds, sea, fields, apron."""

from __future__ import annotations

import functools

import numpy as np

from keras_haframe.data.drawn_aircraft.canvas import Dice
from keras_haframe.data.drawn_aircraft.shapes import Values


@functools.lru_cache(maxsize=32)
def _stretch(size: int, cells: int) -> np.ndarray:
    """Matrix `[size, cells]` that interpolates grid values smoothly to pixels."""
    place = np.linspace(0.0, cells - 1.0, size)
    left = np.minimum(place.astype(int), cells - 2)
    part = place - left
    part = part * part * (3.0 - 2.0 * part)
    matrix = np.zeros((size, cells), np.float64)
    matrix[np.arange(size), left] = 1.0 - part
    matrix[np.arange(size), left + 1] += part
    return matrix


def smooth_noise(dice: Dice, size: int, octaves: tuple[int, ...] = (4, 8, 16)) -> np.ndarray:
    """Value noise: random grids of growing fineness, each half as strong.

    Args:
        dice: Source of the grids.
        size: Side of the image in pixels.
        octaves: Grid sizes.

    Returns:
        Array `[B, size, size]` between 0 and 1.
    """
    total: Values = 0.0
    weight, norm = 1.0, 0.0
    for cells in octaves:
        stretch = _stretch(size, cells)
        total = total + weight * (stretch @ dice.grid(cells) @ stretch.T)
        norm, weight = norm + weight, 0.5 * weight
    return total / norm


def _mix(low: np.ndarray, high: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Blend colors `[B, 3]` by shares `[B, P]` into `[B, 3, P]`."""
    return low[:, :, None] + (high - low)[:, :, None] * share[:, None]


def background(dice: Dice, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw one of five scenes behind every aircraft.

    Args:
        dice: Source of the choices.
        size: Side of the image in pixels.

    Returns:
        Tuple of the picture `[B, 3, P]` and a column `[B, 1]` with the strength of
        the shadow the aircraft throws on it.
    """
    scene = dice.uniform(0.0, 5.0).astype(int)
    noise = smooth_noise(dice, size).reshape(len(scene), -1)
    fine = dice.grid(size).reshape(len(scene), -1)
    axis = np.linspace(-1.0, 1.0, size, dtype=np.float64)
    right, up = (a.reshape(1, -1) for a in np.meshgrid(axis, -axis))
    turn = dice.uniform(0.0, 2.0 * np.pi)
    along = np.cos(turn) * right + np.sin(turn) * up
    across = np.cos(turn) * up - np.sin(turn) * right
    picks = [dice.uniform(0.0, 1.0) for _ in range(4)]
    tint = dice.color(-0.06, 0.06)
    shadow = np.zeros_like(turn)
    picture = np.zeros((len(scene), 3, size * size), np.float64)
    for kind, paint in enumerate((_sky, _sea, _fields, _apron, _desert)):
        rows = np.flatnonzero(scene[:, 0] == kind)
        if len(rows):
            chosen = [pick[rows] for pick in picks]
            fields = (noise[rows], fine[rows], along[rows], across[rows])
            picture[rows], shadow[rows] = paint(chosen, *fields)
    return picture + tint[:, :, None], shadow


# One function per scene. They take four columns `[R, 1]` of choices between 0 and 1, coarse
# and fine noise and turned coordinates, all `[R, P]`; they return the picture and the
# strength of shadows.

Array = np.ndarray
Picks = list[np.ndarray]
Scene = tuple[np.ndarray, float]


def _color(*channels: float) -> np.ndarray:
    return np.array([channels], np.float64)


def _sky(picks: Picks, noise: Array, fine: Array, along: Array, across: Array) -> Scene:
    """Blue to evening sky with clouds."""
    evening, cover, deep, _ = picks
    evening = np.maximum(evening * 2.0 - 1.0, 0.0)
    high = _color(0.16, 0.36, 0.70) * (0.6 + 0.6 * deep) * (1.0 - 0.4 * evening)
    low = _color(0.55, 0.74, 0.92) * (1.0 - evening) + _color(0.95, 0.62, 0.45) * evening
    picture = _mix(high, low, 0.5 + 0.5 * along)
    clouds = np.clip((noise - 0.62 + 0.25 * cover) * 5.0, 0.0, 1.0)[:, None]
    return picture + (0.95 - picture) * clouds * 0.85, 0.0


def _sea(picks: Picks, noise: Array, fine: Array, along: Array, across: Array) -> Scene:
    """Water with waves and foam."""
    green, rough, phase, _ = picks
    deep = _color(0.05, 0.18, 0.32) + green * _color(0.0, 0.16, 0.06)
    light = deep + _color(0.12, 0.20, 0.22)
    waves = np.sin(26.0 * along + 9.0 * noise + 6.0 * phase) * (0.15 + 0.25 * rough)
    picture = _mix(deep, light, noise + waves)
    foam = (fine > 0.985 - 0.01 * rough) * 0.35
    return picture + foam[:, None], 0.25


def _fields(picks: Picks, noise: Array, fine: Array, along: Array, across: Array) -> Scene:
    """Draw a patchwork of fields with hedges."""
    wide, high, season, green = picks
    u = along * (1.6 + 2.0 * wide) + 3.0 * green
    v = across * (1.6 + 2.0 * high) + 3.0 * season
    v = v + 0.37 * np.floor(u)
    # A number for every field: fractions of a fast sine of its row and column.
    cell = 90.0 * np.sin(7.3 * np.floor(u) + 3.1 * np.floor(v) + 40.0 * season)
    cell = cell - np.floor(cell)
    crop = _mix(_color(0.22, 0.38, 0.14), _color(0.62, 0.55, 0.30), cell)
    furrows = 0.05 * np.sin(2.0 * np.pi * (4.0 + np.floor(5.0 * cell)) * (u + v * (cell > 0.5)))
    edge = np.minimum(0.5 - np.abs(u - np.floor(u) - 0.5), 0.5 - np.abs(v - np.floor(v) - 0.5))
    hedge = np.clip(1.0 - edge * 22.0, 0.0, 1.0)
    tone = (0.75 + 0.5 * noise + furrows) * (1.0 - 0.45 * hedge)
    return crop * tone[:, None], 0.45


def _apron(picks: Picks, noise: Array, fine: Array, along: Array, across: Array) -> Scene:
    """Concrete slabs with a painted line."""
    bright, pitch, place, color = picks
    gray = (0.34 + 0.34 * bright + 0.16 * (noise - 0.5) + 0.05 * (fine - 0.5))[:, None]
    count = 2.0 + 4.0 * pitch
    joint = np.minimum(*(np.abs((a * count + place) % 1.0 - 0.5) / count for a in (along, across)))
    picture = gray * (1.0 - 0.25 * np.clip(1.0 - joint * 40.0, 0.0, 1.0))[:, None]
    line = np.clip(1.5 - np.abs(across - place + 0.5) * 40.0, 0.0, 1.0)
    paint = np.where(color > 0.5, _color(0.85, 0.72, 0.1), _color(0.9, 0.9, 0.9))[:, :, None]
    return picture + (paint - picture) * line[:, None], 0.5


def _desert(picks: Picks, noise: Array, fine: Array, along: Array, across: Array) -> Scene:
    """Dunes, or snow drifts."""
    snow, count, phase, _ = picks
    snow = snow > 0.6
    low = np.where(snow, _color(0.66, 0.72, 0.80), _color(0.62, 0.46, 0.28))
    high = np.where(snow, _color(0.96, 0.97, 0.99), _color(0.88, 0.74, 0.52))
    dunes = np.sin((6.0 + 10.0 * count) * along + 7.0 * noise + 6.0 * phase)
    return _mix(low, high, 0.35 + 0.25 * dunes + 0.4 * noise + 0.06 * (fine - 0.5)), 0.4
