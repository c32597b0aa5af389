"""One HTML file that needs nothing else: its frame, and pictures in it."""

from __future__ import annotations

import base64
import datetime
import struct
from collections.abc import Iterable, Mapping

from keras_haframe.results import explorer
from keras_haframe.results.figure import DPI, Figure
from keras_haframe.results.html import CSS, text
from keras_haframe.version import __version__

# No other script and nothing from elsewhere, whatever the texts of a run contain.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    f"script-src 'sha256-{explorer.DIGEST}'"
)
LARGER = 1.5  # on a screen than in a paper's column
FULL = 600  # a picture of at least this many pixels across gets the whole width


def document(title: str, subtitle: str, sections: Mapping[str, str]) -> str:
    """Return a whole HTML document that needs nothing else.

    Args:
        title: Its title, as text.
        subtitle: A line below it, as text.
        sections: HTML by title, in order; the titles make the menu.
    """
    links = "".join(f'<a href="#s{i}">{text(name)}</a>' for i, name in enumerate(sections))
    body = "".join(
        f'<section id="s{i}"><h2>{text(name)}</h2>{content}</section>'
        for i, (name, content) in enumerate(sections.items())
    )
    script = f"<script>{explorer.SCRIPT}</script>" if explorer.ID in body else ""
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{text(title)}</title><style>{CSS}</style></head><body>"
        f'<header><h1>{text(title)}</h1><p class="soft">{text(subtitle)}</p>'
        f"<nav>{links}</nav></header><main>{body}</main>"
        f"<footer>keras_haframe {text(__version__)}, {when}</footer>"
        f"{script}</body></html>\n"
    )


def figure_grid(figures: Iterable[Figure]) -> str:
    """Return figures side by side as HTML, nothing if there are none."""
    shown = "".join(map(_figure, figures))
    return f'<div class="figures">{shown}</div>' if shown else ""


def _figure(figure: Figure) -> str:
    """Return a figure with its size, so that the page does not jump, and its title as text."""
    width, height = struct.unpack(">II", figure.png[16:24])
    kinds = ["full"] * (width >= FULL) + ["drawn"] * figure.drawn
    kind = f' class="{" ".join(kinds)}"' if kinds else ""
    # Drawn figures are shown in the size they are drawn for, at 96 pixels per inch of a screen.
    shown = round(width * 96 / DPI * LARGER) if figure.section else width
    data = base64.b64encode(figure.png).decode("ascii")
    title, caption = text(figure.title), text(figure.caption)
    image = (
        f'<img alt="{title}. {caption}" width="{min(shown, width)}" '
        f'style="aspect-ratio: {width} / {height}" src="data:image/png;base64,{data}">'
    )
    return (
        f"<figure{kind}><figcaption><h3>{title}</h3>{caption}</figcaption>"
        f'<div class="pan" tabindex="0">{image}</div></figure>'
    )
