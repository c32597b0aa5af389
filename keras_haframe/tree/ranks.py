"""What the titles of columns tell: ranks of biology, numbers, files, other names of a class."""

from __future__ import annotations

import re

RANKS = (
    "domain", "superkingdom", "kingdom", "subkingdom", "superphylum", "phylum", "subphylum",
    "superclass", "class", "subclass", "infraclass", "superorder", "order", "suborder",
    "infraorder", "superfamily", "family", "subfamily", "tribe", "subtribe", "genus", "subgenus",
    "species", "subspecies",
)  # fmt: skip

# Columns that are no level of the tree: what a row is about, and numbers and further names of its
# class.
OF_EXAMPLES = {
    "file", "filename", "filepath", "path", "image", "imagefile", "imagename", "imagepath",
    "imageid", "url", "split", "fold", "date", "latitude", "longitude",
}  # fmt: skip
NUMBERS = {"", "id", "index", "label", "labelid", "classid", "categoryid", "taxonid", "uuid"}
OTHER_NAMES = {"commonname", "vernacularname", "authorship", "author", "imagedirname"}


def plain(title: str) -> str:
    """Put a title in small letters, without blanks, underscores, hyphens."""
    return re.sub(r"[\s_-]", "", title).lower()


def rank(title: str) -> int | None:
    """Place of a rank, coarsest first; also of `level 0`, `level 1`, ...; `None` for others."""
    word = plain(title)
    if re.fullmatch(r"level\d{1,4}", word):
        return int(word[5:])
    return RANKS.index(word) if word in RANKS else None


def is_title(cell: str) -> bool:
    """Whether a cell is a usual title of a column, so that its line is a header."""
    word = plain(cell)
    known = {"parent", "child", *OF_EXAMPLES, *NUMBERS, *OTHER_NAMES} - {""}
    return word in known or rank(cell) is not None
