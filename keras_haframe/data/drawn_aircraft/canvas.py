"""The transparent layer a batch of aircraft is painted on, with their pose and livery."""

from __future__ import annotations

import numpy as np

from keras_haframe.data.drawn_aircraft.shapes import Values

NUMBERS_PER_IMAGE = 96


class Dice:
    """Hands out random columns, one value per image.

    Image `i` of a stream owns the generator seeded with `(seed, i)`. Its numbers are
    drawn once, and each call takes the next column, so an image depends on neither
    its neighbors nor the batch size.

    Args:
        seed: Non-negative integer or sequence of them.
        start: Index of the batch's first image in the stream.
        count: Number of images in the batch.

    Raises:
        ValueError: If the seed is negative.

    Example:

    >>> dice = Dice(seed=0, start=0, count=4)
    >>> dice.uniform(0.0, 1.0).shape
    (4, 1)
    """

    def __init__(self, seed: int | tuple[int, ...], start: int, count: int):
        words = [seed] if isinstance(seed, (int, np.integer)) else list(seed)
        if min(words) < 0:
            raise ValueError(f"`seed` must not be negative. Received: seed={seed}.")
        self.generators = [np.random.default_rng([*words, i]) for i in range(start, start + count)]
        columns = [g.random(NUMBERS_PER_IMAGE, np.float32) for g in self.generators]
        self._columns = iter(np.stack(columns, axis=1)[:, :, None].astype(float))

    def _next(self) -> np.ndarray:
        column = next(self._columns, None)
        if column is None:
            raise RuntimeError(f"More than NUMBERS_PER_IMAGE={NUMBERS_PER_IMAGE} columns taken.")
        return column

    def uniform(self, low: float, high: float) -> np.ndarray:
        """Return a column `[count, 1]`, uniform between `low` and `high`."""
        return low + (high - low) * self._next()

    def chance(self, probability: float) -> np.ndarray:
        """Return a boolean column `[count, 1]`, true with the given probability."""
        return self._next() < probability

    def color(self, low: float, high: float) -> np.ndarray:
        """Return colors `[count, 3]` with independent channels between `low` and `high`."""
        return np.concatenate([self.uniform(low, high) for _ in range(3)], axis=1)

    def grid(self, size: int) -> np.ndarray:
        """Return a random grid `[count, size, size]` between 0 and 1 for every image."""
        return np.stack([g.random((size, size), np.float32) for g in self.generators]).astype(float)

    def normal(self, *shape: int) -> np.ndarray:
        """Return standard normal noise `[count, *shape]`."""
        drawn = [g.standard_normal(shape, np.float32) for g in self.generators]
        return np.stack(drawn).astype(float)


class Selection:
    """Some images of a batch: their indices `rows`, and their designs by parameter name."""

    def __init__(self, design: dict[str, np.ndarray], rows: np.ndarray):
        self.rows = rows
        self._design = design

    def __getitem__(self, name: str) -> np.ndarray:
        return self._design[name][self.rows]

    def __len__(self) -> int:
        return len(self.rows)


def overall_size(design: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Length from the nose to the last part behind it, and span between the outermost.

    Args:
        design: Dictionary of columns `[B, 1]`.

    Returns:
        Tuple of two columns `[B, 1]` in meters.
    """
    d = design
    sweep = 0.5 * d["tail_span"] * np.tan(np.radians(d["tail_sweep"]))
    chord = np.maximum(d["tail_root"], sweep + d["tail_tip"])
    tail = d["length"] * d["tail_at"] + 0.35 * d["tail_high"] * d["fin"] + chord
    length = np.maximum(d["length"], np.where(d["tail_span"] > 0, tail, 0.0))
    return length, d["span"] + 2.0 * d["winglet"] + 0.26 * d["tip_tank"]


class Canvas:
    """A batch of aircraft being painted, seen from above and a little tilted.

    Args:
        design: Dictionary of columns `[B, 1]`, see `design.stack`, one row per image.
        dice: Source of pose and livery; both are independent of the design.
        size: Side of the square image in pixels.

    Attributes:
        rgb: Colors times coverage, `[B, 3, P]`, with `P = size * size`.
        alpha: Coverage, `[B, P]`.
        light: Side the light comes from, -1 right to 1 left of the aircraft, `[B, 1]`.
    """

    def __init__(self, design: dict[str, np.ndarray], dice: Dice, size: int):
        self.design = design
        count = len(design["length"])
        self.rgb = np.zeros((count, 3, size * size), np.float64)
        self.alpha = np.zeros((count, size * size), np.float64)
        self._pose(dice, size)
        self._livery(dice)

    def _pose(self, dice: Dice, size: int) -> None:
        d = self.design
        heading = 0.5 * np.pi + dice.uniform(-0.6, 0.6)  # nose up, more or less
        roll, pitch = dice.uniform(-0.35, 0.35), dice.uniform(-0.2, 0.2)
        # The longer of length and span fills 66 to 95 percent of the image, so that
        # proportions tell the classes apart and size does not.
        length, span = overall_size(d)
        self.scale = dice.uniform(0.66, 0.95) * size / np.maximum(length, span)
        shift_x, shift_y = (dice.uniform(-0.06, 0.06) * size for _ in range(2))
        axis = np.arange(size, dtype=np.float64) - 0.5 * (size - 1)
        right, up = (a.reshape(1, -1) for a in np.meshgrid(axis, -axis))
        right, up = (right - shift_x) / self.scale, (up - shift_y) / self.scale
        cos, sin = np.cos(heading), np.sin(heading)
        # Picture coordinates along and across the aircraft, in meters.
        self.along = cos * right + sin * up - 0.5 * (length - d["length"])
        self.across = cos * up - sin * right
        self.sin_roll, self.cos_roll = np.sin(roll), np.cos(roll)
        self.sin_pitch, self.cos_pitch = np.sin(pitch), np.cos(pitch)
        self.light = np.sin(dice.uniform(-np.pi, np.pi) - heading)

    def _livery(self, dice: Dice) -> None:
        gray = dice.uniform(0.62, 0.98) + dice.color(-0.03, 0.03)
        self.base = np.where(dice.chance(0.35), dice.color(0.2, 0.95), gray)
        self.accent = dice.color(0.02, 0.9)
        plain = np.broadcast_to(dice.uniform(0.55, 0.9), self.base.shape)
        self.wing = np.where(dice.chance(0.4), self.base, plain)
        self.engine = np.where(dice.chance(0.5), self.accent, 0.9 * self.wing)
        painted = dice.chance(0.35)
        self.tips = np.where(painted, self.accent, self.wing)
        marking = dice.uniform(0.0, 1.0)
        self.has_stripe, self.has_band = marking < 0.3, marking > 0.75
        self.tail_from = dice.uniform(0.7, 1.1)  # station where the painted tail begins

    def having(self, *conditions: np.ndarray) -> Selection:
        """Select the images for which all the columns `[B, 1]` hold."""
        chosen = np.logical_and.reduce([c[:, 0] for c in conditions])
        return Selection(self.design, np.flatnonzero(chosen))

    def plane(self, rows: np.ndarray, height: Values) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates of the pixels in the level plane through a part.

        Args:
            rows: Indices `[R]` of the images.
            height: Height of the part over the fuselage axis in meters, `[R, 1]`.

        Returns:
            Tuple of `x`, growing towards the nose, and `y`, growing to the left,
            each `[R, P]` in meters.
        """
        x = (self.along[rows] - height * self.sin_pitch[rows]) / self.cos_pitch[rows]
        y = (self.across[rows] - height * self.sin_roll[rows]) / self.cos_roll[rows]
        return x, y

    def paint(
        self,
        rows: np.ndarray,
        distance: Values,
        color: Values,
        tone: Values = 1.0,
        opacity: Values = 1.0,
        rim: Values = 0.35,
    ) -> None:
        """Paint a shape over what is there, with a dark rim about a pixel wide.

        Args:
            rows: Indices `[R]` of the images.
            distance: Signed distances `[R, P]` in meters, negative inside.
            color: `[R, 3]` or `[3]`.
            tone: Brightness, broadcast to `[R, P]`.
            opacity: Opacity, broadcast to `[R, P]`.
            rim: Share of the brightness the rim loses.
        """
        pixels = distance * self.scale[rows]
        cover = np.clip(0.5 - pixels, 0.0, 1.0) * opacity
        if rim:
            tone = tone * (1.0 - rim * np.clip(1.5 + pixels, 0.0, 1.0))
        rest = 1.0 - cover
        color = np.broadcast_to(color, (len(rows), 3)).astype(np.float64)
        lit = (cover * tone)[:, None] * color[:, :, None]
        self.rgb[rows] = self.rgb[rows] * rest[:, None] + lit
        self.alpha[rows] = 1.0 - (1.0 - self.alpha[rows]) * rest
