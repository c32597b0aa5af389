"""Tables as plain text, and texts from elsewhere as a terminal can show them."""

from __future__ import annotations

import re
from collections.abc import Sequence

# What would move a terminal's cursor or turn text around where a name is shown, and halves of
# characters, which no file can hold.
UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

LINES = "\n\t"  # of texts of several lines, which stay


def visible(text: object, keep: str = "") -> str:
    r"""Return text in which control characters are written out, as JSON writes them.

    Args:
        text: The text, or a value whose text is meant.
        keep: Control characters that stay, such as `LINES`.

    Example:

    >>> print(visible("\x1b[31mred"))
    \u001b[31mred
    """
    return UNFIT.sub(lambda m: m[0] if m[0] in keep else f"\\u{ord(m[0]):04x}", str(text))


def aligned(head: Sequence[str], body: Sequence[Sequence[object]]) -> str:
    """Columns side by side, numbers to the right, the rest to the left.

    Args:
        head: Names of the columns.
        body: Rows of as many cells; floats get three decimals.

    Returns:
        Text without a last line feed.

    Example:

    >>> print(aligned(["class", "top-1"], [["car", 0.5], ["glider", 0.25]]))
    class   top-1
    car     0.500
    glider  0.250
    """
    rows = [[f"{c:.3f}" if isinstance(c, float) else visible(c) for c in row] for row in body]
    table = [[visible(name) for name in head], *rows]
    widths = [max(len(row[c]) for row in table) for c in range(len(head))]
    number = [
        bool(body) and all(isinstance(row[c], (int, float)) for row in body)
        for c in range(len(head))
    ]
    return "\n".join(
        "  ".join(
            cell.rjust(w) if right else cell.ljust(w) for cell, w, right in zip(row, widths, number)
        ).rstrip()
        for row in table
    )
