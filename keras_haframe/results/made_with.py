"""What a run is made with and no setting says: the data, the backend, the precision, versions."""

from __future__ import annotations

import sys
import warnings
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from keras_haframe.files import PathLike
from keras_haframe.version import __version__

BLOCKS, BLOCK = 64, 1024  # of an array: places that are looked at, and numbers at each
MENDS = {
    "backend": "Set KERAS_BACKEND={}",
    "dtype_policy": "Call keras.config.set_dtype_policy({!r})",
}


def made_with(train: Any = None, validation: Any = None, test: Any = None) -> dict[str, Any]:
    """Return JSON values by which a folder tells that a run goes on with what it began with.

    Args:
        train: Training data, or a method of theirs such as `ArrayBatches.from_epoch`.
        validation: As of `run`.
        test: As of `run`.

    Returns:
        `backend`, `dtype_policy`, `versions` by package, and `data`: type, shape and a checksum of
        every array. Of a large array only 64 places are read. Nothing is known of data that are
        no arrays, such as `tf.data`; settings must say what those are.

    Example:

    >>> made_with(test=(np.zeros((2, 3)), np.arange(2)))["data"]
    {'test inputs': 'float64 [2, 3] f288b395', 'test labels': 'int64 [2] 20114bcb'}
    """
    backend = keras.backend.backend()
    version = getattr(sys.modules.get(backend), "__version__", "")
    data = {"train": getattr(train, "__self__", train), "validation": validation, "test": test}
    return {
        "backend": backend,
        "dtype_policy": keras.config.dtype_policy().name,
        "versions": {"keras_haframe": __version__, "keras": keras.__version__, backend: version},
        "data": {
            f"{name} {part}": _fingerprint(values)
            for name, content in data.items()
            for part, values in _arrays(content)
        },
    }


def _arrays(content: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Arrays of data by the part they play."""
    if isinstance(content, (tuple, list)):
        parts = dict(zip(("inputs", "labels", "weights"), content))
    else:  # `ArrayBatches`, `ImageData`
        parts = {name: getattr(content, name, None) for name in ("inputs", "labels")}
    for name, values in parts.items():
        more = values.items() if isinstance(values, Mapping) else [("", values)]
        for key, array in more:
            if isinstance(array, np.ndarray):
                yield f"{name} {key}".strip(), array


def _fingerprint(array: np.ndarray) -> str:
    """Type, shape and a checksum of the same places of every array of that size."""
    numbers = array
    if array.size > BLOCKS * BLOCK:
        starts = np.linspace(0, array.size - BLOCK, BLOCKS).astype(np.int64)
        numbers = array.flat[(starts[:, None] + np.arange(BLOCK)).ravel()]
    known = numbers.dtype.kind != "O"
    check = f" {zlib.crc32(np.ascontiguousarray(numbers).tobytes()):08x}" if known else ""
    return f"{array.dtype} {list(array.shape)}{check}"


def check_made_with(
    folder: PathLike,
    before: Any,
    now: Mapping[str, Any] | None,
    going_on: bool = True,
) -> None:
    """Raise a `ValueError` that says what differs; versions alone are warned of.

    Args:
        folder: The folder, for the message.
        before: What it was begun with; nothing is checked in a folder that does not say.
        now: What `made_with` returns now.
        going_on: Whether more is to be trained there. A finished run is only returned: then data
            alone are checked.
    """
    if not isinstance(before, Mapping) or not now:
        return
    data, versions = (_names(before.get(name)) for name in ("data", "versions"))
    for name, value in now.get("data", {}).items():
        then = data.get(name, value)
        if then != value:
            raise ValueError(
                f"{folder} was begun with other data: {name} {then}; now {value}. Give the data of "
                "before, or choose another folder."
            )
    if not going_on:
        return
    for name, mend in MENDS.items():
        value = now.get(name)
        then = before.get(name, value)
        if then != value:
            raise ValueError(
                f"{folder} was begun with {name}={then!r}; now it is {name}={value!r}. "
                f"{mend.format(then)}, or choose another folder."
            )
    other = [f"{k} {versions[k]}, now {v}" for k, v in now.get("versions", {}).items()
             if versions.get(k, v) != v]  # fmt: skip
    if other:
        warnings.warn(
            f"{folder} was begun with {'; '.join(other)}. It goes on, and may end otherwise than "
            "with one version.",
            stacklevel=4,
        )


def _names(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
