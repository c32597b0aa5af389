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
NEAR = 0.01  # times their root mean square: how far sums of the same inputs may be apart
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
        `backend`, `dtype_policy`, `versions` by package, and `data`: type, shape and a few numbers
        by which every array is known. Of a large array only 64 places are read. Nothing is known of
        data that are no arrays, such as `tf.data`; settings must say what those are.

    Example:

    >>> made_with(test=(np.eye(2), np.arange(2)))["data"]
    {'test inputs': 'float64 [2, 2] 0.7071 -1 0 -1 -1', 'test labels': 'int64 [2] 20114bcb'}
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
    """Type, shape, and a checksum of labels or five numbers of inputs.

    Inputs may be features, or images that were resized, whose last bits another computer has
    otherwise: their root mean square, and four sums under fixed random signs.
    """
    numbers = array.ravel()[:0] if array.dtype.kind == "O" else array
    if array.size > BLOCKS * BLOCK:
        starts = np.linspace(0, array.size - BLOCK, BLOCKS).astype(np.int64)
        numbers = array.flat[(starts[:, None] + np.arange(BLOCK)).ravel()]
    if array.ndim < 2 or array.dtype.kind not in "fiub" or not array.size:
        check = f"{zlib.crc32(np.ascontiguousarray(numbers).tobytes()):08x}"
    else:
        values = np.nan_to_num(np.asarray(numbers, np.float64).ravel())
        drawn = np.random.PCG64(0).random_raw(values.size)  # the same in every NumPy
        signs = 1.0 - 2.0 * ((drawn >> np.arange(4, dtype=np.uint64)[:, None]) & 1)
        found = np.sqrt(np.mean(values**2)), *(signs @ values / np.sqrt(values.size))
        check = " ".join(f"{v:.4g}" for v in found)
    return f"{array.dtype} {list(array.shape)} {check}"


def _alike(one: Any, other: Any) -> bool:
    """Whether two fingerprints are equal, or those of inputs near each other."""
    if one == other or not isinstance(one, str) or not isinstance(other, str):
        return one == other
    (head, _, first), (tail, _, second) = one.partition("] "), other.partition("] ")
    if head != tail or " " not in first or " " not in second:
        return False
    try:
        a, b = np.array(first.split(), float), np.array(second.split(), float)
    except ValueError:
        return False
    return a.shape == b.shape and bool((abs(a - b) <= NEAR * a[0]).all())


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
        if not _alike(then, value):
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


def readable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings for a page: backend, precision and versions, no fingerprints of data."""
    made = _names(settings.get("made_with"))
    shown = {name: value for name, value in settings.items() if name != "made_with"}
    shown |= {name: made[name] for name in MENDS if name in made}
    if versions := _names(made.get("versions")):
        shown["versions"] = ", ".join(f"{name} {version}" for name, version in versions.items())
    return shown


def _names(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
