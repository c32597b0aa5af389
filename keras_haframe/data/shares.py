"""Which part of every batch is this process's, of several that train together."""

from __future__ import annotations

import keras

Share = tuple[int, int]


def process() -> Share:
    """Return the number of this process and how many train together, `(0, 1)` for one."""
    if keras.backend.backend() != "jax":
        return 0, 1
    import jax

    return jax.process_index(), jax.process_count()


def equal_part(batch_size: int, share: Share | None = None) -> slice:
    """Rows of a batch that one of several processes gets.

    Args:
        batch_size: Examples of the batch, over all processes.
        share: `(index, count)`; that of this process by default.

    Raises:
        ValueError: If the batch does not split evenly, or there is no such part.

    Example:

    >>> equal_part(8, (1, 2))
    slice(4, 8, None)
    """
    index, count = process() if share is None else share
    if batch_size % count or not 0 <= index < count:
        raise ValueError(
            "`share` must be (index, count) with index below count and a batch that splits "
            f"evenly. Received: share={(index, count)}, batch_size={batch_size}"
        )
    size = batch_size // count
    return slice(index * size, (index + 1) * size)
