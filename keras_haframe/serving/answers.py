"""What clients check of an answer before they hand it out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from keras_haframe.serving.errors import ServingError


def count_rows(inputs: Mapping[str, Any]) -> int | None:
    """Return the number of rows that all inputs have; `None` without inputs.

    Raises:
        ValueError: If one input has another number than the others.
    """
    rows = {
        name: len(value)
        for name, value in inputs.items()
        if isinstance(value, (list, tuple)) or np.ndim(value)
    }
    if len(set(rows.values())) > 1:
        raise ValueError(f"`inputs` must have the same number of rows each. Received: {rows}")
    return next(iter(rows.values()), None)


def check_rows(where: str, found: Mapping[str, np.ndarray], rows: int | None) -> None:
    """Raise `ServingError` where an output has other than one row per row of the request."""
    for name, array in found.items():
        if rows is not None and (array.ndim == 0 or len(array) != rows):
            raise ServingError(
                f"{where} answered {rows} rows with output {name!r} of shape {array.shape}"
            )


def from_json(where: str, data: bytes) -> dict:
    """Return the object of a JSON text; `ServingError` for anything else."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise ServingError(f"{where} did not answer in JSON: {error}") from None
    if not isinstance(found, dict):
        raise ServingError(f"{where} did not answer with a JSON object")
    return found


def field(where: str, found: Any, key: str, kind: type) -> Any:
    """Return `found[key]` if it is there and of that type, else raise `ServingError`."""
    if not isinstance(found, dict) or not isinstance(found.get(key), kind):
        raise ServingError(f"{where} answered without a valid {key!r}")
    return found[key]


def from_lists(value: Any, room: int) -> np.ndarray:
    """Array of numbers, truth values or text from nested lists of JSON.

    Args:
        value: Lists, or one value.
        room: Most bytes of an array of text, which is as wide as its longest entry.

    Raises:
        ValueError: If lists are of different lengths, or values of different types, or null.
    """
    array = np.asarray(value, object)
    types = set(map(type, array.ravel().tolist()))
    if types == {str}:
        return text(array.ravel().tolist(), array.shape, room)
    if types == {bool}:
        return array.astype(bool)
    if types == {int}:
        return array.astype(np.int64)
    if types <= {int, float}:
        return array.astype(np.float64)
    names = ", ".join(sorted(t.__name__ for t in types))
    raise ValueError(f"ragged, or neither numbers nor text alone ({names})")


def text(values: Iterable[str | bytes], shape: Iterable[int], room: int) -> np.ndarray:
    """Array of str; bytes are decoded, what is not UTF-8 is replaced.

    Raises:
        ValueError: If it took more than `room` bytes.
    """
    strings = [v.decode(errors="replace") if isinstance(v, bytes) else v for v in values]
    size = 4 * len(strings) * max(map(len, strings), default=0)
    if size > room:
        raise ValueError(f"text of {size} bytes; at most {room} are taken (`max_message`)")
    return np.array(strings, dtype=str).reshape(tuple(shape))
