"""One refusal for what is a table of all pairs of very many classes."""

from __future__ import annotations

from keras_haframe.tree_ops.target_rows import DENSE_LIMIT


def check_dense(what: str, size: int, instead: str, rows: str = "classes") -> None:
    """Raise if a square table would have more than 2,048 rows.

    Args:
        what: What needs the table, as the sentence begins.
        size: Its number of rows.
        instead: What to do, a sentence.
        rows: What the rows are.

    Raises:
        ValueError: If `size` is above the limit.

    Example:

    >>> check_dense("This method", 100, "Use another.")
    """
    if size > DENSE_LIMIT:
        raise ValueError(
            f"{what} holds a number for every pair of {rows}, up to {DENSE_LIMIT:,} of them. "
            f"Received: {size:,} {rows}, {8e-9 * size * size:,.1f} GB. {instead}"
        )
