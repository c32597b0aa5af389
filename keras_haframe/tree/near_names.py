"""Names that are probably one: spelled with other blanks and capitals, or with a letter wrong."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from keras_haframe.text_table import UNFIT

SHORTEST = 5  # letters of a word that may have one wrong
MOST = 50_000  # names that are compared letter by letter


def tidy(name: str) -> str:
    """Return a name without stray blanks and control characters, in the usual Unicode form."""
    return " ".join(UNFIT.sub(" ", unicodedata.normalize("NFC", name)).split())


def same_spelling(names: Iterable[str]) -> list[list[str]]:
    """Group names that differ in capitals, blanks, underscores and hyphens only."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(re.sub(r"[\s_-]+", " ", tidy(name)).strip().casefold(), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def one_letter_apart(names: Iterable[str]) -> list[tuple[str, str]]:
    """Find pairs of names with one letter more, less, another, or two exchanged.

    Numbers are names of their own (737-300, 737-400), and so are words of fewer than five letters.
    Linear in the number of names: those one letter apart have a text in common that lacks one.
    """
    names = list(dict.fromkeys(names))
    if len(names) > MOST:
        return []
    lacking: dict[str, list[str]] = {}
    pairs: dict[tuple[str, str], None] = {}
    for name in names:
        for text in {name, *(name[:i] + name[i + 1 :] for i in range(len(name)))}:
            for other in lacking.setdefault(text, []):
                if _one_word_apart(other, name):
                    pairs[other, name] = None
            lacking[text].append(name)
    return list(pairs)


def _one_word_apart(a: str, b: str) -> bool:
    words, others = a.split(), b.split()
    if len(words) != len(others):
        return False
    unlike = [(w, o) for w, o in zip(words, others) if w != o]
    if len(unlike) != 1:
        return False
    word, other = unlike[0]
    if min(len(word), len(other)) < SHORTEST or re.search(r"\d", word + other):
        return False
    start = next((i for i, (x, y) in enumerate(zip(word, other)) if x != y), len(word))
    a, b = word[start:], other[start:]
    return b in (a[1:], a[1::-1] + a[2:]) or b[1:] in (a, a[1:])
