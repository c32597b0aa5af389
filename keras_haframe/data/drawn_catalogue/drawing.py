"""How the goods of a drawn catalogue look: a design that follows the tree, photographed."""

from __future__ import annotations

import functools

import numpy as np

from keras_haframe.data.drawn_catalogue import numbers
from keras_haframe.data.drawn_catalogue.catalogue import Catalogue, class_tree

SIDE = 16  # pixels
PATCHES = 6  # soft elliptic patches of color before a plain ground
OF_PATCH = 7  # numbers of a patch: place and size in either direction, red, green, blue
NUMBERS = PATCHES * OF_PATCH + 3

# How much a node changes the design it takes over, by its depth from 1 on: ever finer.
CHANGES = (1.0, 0.8, 0.7, 0.6, 0.52, 0.46, 0.4, 0.36)
# What the class does not say, of every picture: the piece at hand, its place, light and grain.
PIECE, SHIFT, LIGHT, TINT, GRAIN = 0.55, 1.0, 0.25, 0.06, 0.05
DESIGN_STREAM = 1 << 40  # no class has so large a number


@functools.lru_cache(maxsize=2)
def designs(size: Catalogue) -> np.ndarray:
    """Designs float32 `[K, NUMBERS]` of all classes: what the nodes on their paths add up to."""
    tree = class_tree(size)
    nodes = np.arange(tree.num_nodes)
    total = numbers.normal(numbers.key(size.seed, DESIGN_STREAM, nodes), NUMBERS)
    for depth, level in enumerate(tree.by_depth):
        if depth == 0:
            total[level] = 0.0
        else:
            total[level] = total[tree.parents[level]] + CHANGES[depth - 1] * total[level]
    return total[: tree.num_classes].astype(np.float32)


def draw(designs: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Photograph a piece of every design.

    Args:
        designs: `[n, NUMBERS]`.
        keys: uint64 `[n]`, see `numbers.key`; with the design they say all about a picture.

    Returns:
        uint8 `[n, SIDE, SIDE, 3]`, RGB.
    """
    count = len(designs)
    drawn = numbers.normal(keys, NUMBERS + 3 * SIDE * SIDE)
    piece = designs.astype(np.float64) + PIECE * drawn[:, :NUMBERS]
    chance = 2.0 * numbers.uniform(keys ^ np.uint64(1), 6)[:, :, None] - 1.0
    # Bounded smoothly, so that every design can be drawn, whatever its numbers add up to.
    bounded = piece / (1.0 + np.abs(piece))
    ground = bounded[:, :3]
    patches = bounded[:, 3:].reshape(count, PATCHES, OF_PATCH)
    # [n, PATCHES, SIDE] of rows, then of columns.
    axis = np.arange(SIDE) - 0.5 * (SIDE - 1)
    across = [
        _bell(
            (axis - 7.0 * patches[:, :, i, None] - SHIFT * chance[:, i, None])
            / (3.0 + 2.0 * patches[:, :, 2 + i, None])
        )
        for i in range(2)
    ]
    color = patches[:, :, 4:]
    picture = np.empty((count, SIDE, SIDE, 3))
    for channel in range(3):
        lit = across[0] * color[:, :, channel, None]
        total = sum(lit[:, m, :, None] * across[1][:, m, None] for m in range(PATCHES))
        tone = 0.25 * (ground[:, channel, None, None] + 2.0 * total)
        light = 1.0 + LIGHT * chance[:, 2, None] + TINT * chance[:, 3 + channel, None]
        picture[..., channel] = (0.5 + tone) * light
    picture += GRAIN * drawn[:, NUMBERS:].reshape(picture.shape)
    return np.rint(255.0 * np.clip(picture, 0.0, 1.0)).astype(np.uint8)


def _bell(x: np.ndarray) -> np.ndarray:
    """Fall from 1 to 0 on both sides, by arithmetic that every machine does alike."""
    square = x * x
    return 1.0 / (1.0 + square + square * square)
