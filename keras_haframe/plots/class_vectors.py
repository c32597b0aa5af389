"""Class vectors of a small tree as arrows: the simplex ETF beside the hierarchy-aware frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg

from keras_haframe.frames import TargetCosines, TreeFrame, simplex_etf
from keras_haframe.plots import style
from keras_haframe.tree import ClassTree, as_tree

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Axes of the viewer in those of the frame: to the right, up, and, across both, towards the viewer.
RIGHT, UP = np.array([0.9512, 0.2503, 0.1802]), np.array([0.0539, -0.7102, 0.7019])
VIEW = np.stack([RIGHT, UP, np.cross(RIGHT, UP)])


def plot_class_vectors(
    tree: ClassTree | dict,
    *,
    gamma: float | str = "auto",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the class vectors of the simplex ETF and, to its right, of the hierarchy-aware frame.

    On the ETF all pairs of classes are equally far apart; on the frame the classes under one node
    lean together. Both are seen from the same side. Nothing is left out: with the smallest
    `min_similarity` four class vectors span three dimensions.

    Args:
        tree: A `ClassTree` of 3 or 4 classes. Arrows are colored by the child of the root.
        gamma: Decay of the target cosines, or `"auto"`, see `frames.TargetCosines`.
        title: Title of the Axes.
        ax: Axes to draw on; new ones by default.

    Returns:
        The Axes. Below each picture are the angles between classes, nearest first.

    Raises:
        ValueError: For another number of classes, or a gamma that is not positive.

    Example:

    ```python
    tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    plot_class_vectors(tree, gamma=1.0)
    ```

    Reference: Liang and Davis, HAFrame (ICCV 2023), figure 1.
    """
    tree = as_tree(tree)
    k = tree.num_classes
    if k not in (3, 4):
        raise ValueError(
            f"`tree` must have 3 or 4 classes: more span more than three dimensions. Received: {k} "
            "classes. `plot_gram` shows the cosines of any number."
        )
    target = TargetCosines(tree, gamma, min_similarity="exact")
    frame = np.pad(TreeFrame(target).dense()[:, 1:], ((0, 0), (0, 4 - k)))  # coordinate 0 is zero
    etf = np.pad(simplex_etf(k, k - 1), ((0, 0), (0, 4 - k)))
    etf = etf @ scipy.linalg.orthogonal_procrustes(etf, frame)[0]
    ax = style.axes(ax, (3.3, 2.1))
    heads = tree.paths[:, min(1, tree.height)]
    colors = {
        node: style.COLORS[i % len(style.COLORS)] for i, node in enumerate(dict.fromkeys(heads))
    }
    for left, name, vectors in ((0.0, "simplex ETF", etf), (3.1, "hierarchy-aware frame", frame)):
        _draw(
            ax,
            vectors @ VIEW.T,
            left,
            [colors[h] for h in heads],
            list(tree.nodes[: tree.num_classes]),
        )
        cosines = (vectors @ vectors.T)[np.triu_indices(k, 1)]
        angles = np.unique(np.degrees(np.arccos(cosines)).round(3))
        words = ", ".join(f"{angle:.0f}°" for angle in angles)
        ax.text(left, -1.35, f"{name}\n{words}", fontsize=7, ha="center", va="top")
    ax.set_xlim(-1.5, 4.6)
    ax.set_ylim(-1.95, 1.25)
    ax.set_aspect("equal")
    ax.axis("off")
    if title:
        ax.set_title(title, fontsize=8)
    return ax


def _draw(ax: Axes, points: np.ndarray, left: float, colors: list[str], names: list[str]) -> None:
    """Arrows from the middle of a circle, the nearer ones stronger and over the others."""
    circle = np.exp(2j * np.pi * np.linspace(0, 1, 100))
    ax.plot(left + circle.real, circle.imag, color="0.85", linewidth=0.6, zorder=0)
    for (right, up, near), color, name in zip(points, colors, names):
        strength = 0.5 + 0.5 * (1 + near) / 2
        ax.annotate(
            "", (left + right, up), (left, 0), zorder=2 + near,
            arrowprops={
                "arrowstyle": "-|>", "color": color, "alpha": strength, "shrinkA": 0,
                "shrinkB": 0, "linewidth": 0.8 + 1.0 * (1 + near) / 2,
            },
        )  # fmt: skip
        length = max(np.hypot(right, up), 1e-6)
        away = 1 + 0.17 / length
        ax.text(
            left + right * away, up * away, style.short(name, 12), fontsize=6, color=color,
            ha="center", va="center",
        )  # fmt: skip
