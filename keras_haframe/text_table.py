"""Tables as plain text, for terminals."""

from __future__ import annotations

from collections.abc import Sequence


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
    rows = [[f"{c:.3f}" if isinstance(c, float) else str(c) for c in row] for row in body]
    table = [list(head), *rows]
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
