"""A figure of a report."""

from __future__ import annotations

import io
from typing import NamedTuple

from matplotlib.axes import Axes

DPI = 180


class Figure(NamedTuple):
    """A figure: section of the page, title, how to read it, PNG bytes, whether it is drawn.

    Drawn ones are of few colors on white, and are shown dark on a dark screen; photographs are not.
    """

    section: str
    title: str
    caption: str
    png: bytes
    drawn: bool = True


def is_png(data: bytes) -> bool:
    """Whether these are all bytes of a PNG file, by its checksums."""
    from PIL import Image  # matplotlib brings it

    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            image.verify()
    except Exception:  # of every kind, as the bytes may be anything
        return False
    return True


def to_png(ax: Axes) -> bytes:
    """PNG of the figure an Axes is in, which is closed."""
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.savefig(buffer, dpi=DPI, format="png", facecolor="white")
    plt.close(figure)
    return buffer.getvalue()
