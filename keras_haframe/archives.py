"""Archives that others made, `.npz` and `.keras`: a damaged or hostile one is a `ValueError`."""

from __future__ import annotations

import contextlib
import json
import math
import pathlib
import zipfile
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from keras_haframe.files import PathLike

FLOOR, GROWTH = 2**30, 100  # an archive that unpacks to more than 1 GiB and 100 times its size
NUMBERS = "biuf"  # kinds of dtype


def read_npz(
    path: PathLike, names: Collection[str] | None = None, *, numbers: bool = False
) -> dict[str, np.ndarray]:
    """Read the arrays of an `.npz` file by name; nothing that is pickled.

    Every array must be as long as its header says before memory is taken for it.

    Args:
        path: The file.
        names: The arrays to read, those of them that are there; all by default.
        numbers: Refuse arrays of anything but numbers, such as texts.

    Raises:
        ValueError: For whatever is wrong with the file. The message names it.
        OSError: If it cannot be opened.

    Example:

    >>> np.savez("state.npz", weight=np.ones((2, 3)))
    >>> read_npz("state.npz")["weight"].shape
    (2, 3)
    """
    arrays = {}
    with _opened(path, ".npz file of plain arrays") as archive:
        for info in archive.infolist():
            if not info.filename.endswith(".npy"):
                raise ValueError(f"it holds {info.filename!r}, which is no array")
            name = info.filename.removesuffix(".npy")
            if names is not None and name not in names:
                continue
            with archive.open(info) as member:
                _check_header(member, info.file_size, name, numbers)
            with archive.open(info) as member:
                arrays[name] = np.lib.format.read_array(member, allow_pickle=False)
    return arrays


def read_npy(path: PathLike) -> np.ndarray:
    """Read the array of an `.npy` file; errors are as of `read_npz`."""
    path = pathlib.Path(path)
    with open(path, "rb") as file, _named(path, ".npy file of a plain array"):
        _check_header(file, path.stat().st_size, path.name)
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


def read_json(path: PathLike, *members: str) -> list[Any]:
    """Read members of an archive that are JSON, such as the `config.json` of a `.keras` file."""
    with _opened(path, "Keras file") as archive:
        return [json.loads(archive.read(member)) for member in members]


@contextlib.contextmanager
def _opened(path: PathLike, kind: str) -> Iterator[zipfile.ZipFile]:
    with open(path, "rb") as file, _named(path, kind), zipfile.ZipFile(file) as archive:
        check_size(archive)
        yield archive


@contextlib.contextmanager
def _named(path: PathLike, kind: str) -> Iterator[None]:
    """Turn every error of a block into a `ValueError` that names the file.

    They are many: zlib's, struct's, `NotImplementedError` for a compression, `RuntimeError` for a
    password, `MemoryError` and `RecursionError` of the parser of a header, and so on.
    """
    try:
        yield
    except Exception as error:
        why = str(error) or type(error).__name__
        raise ValueError(f"{path} is not a {kind}: {why}") from None


def check_size(archive: zipfile.ZipFile) -> None:
    """Refuse an archive that is small and unpacks to much, before anything of it is unpacked."""
    unpacked = sum(info.file_size for info in archive.infolist())
    packed = sum(info.compress_size for info in archive.infolist())
    if unpacked > max(FLOOR, GROWTH * packed):
        raise ValueError(f"its {packed:,} bytes would unpack to {unpacked:,}")


def _check_header(file: Any, size: int, name: str, numbers: bool = False) -> None:
    """Refuse an array whose header does not fit the length of its data."""
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"the array {name!r} is of version {version} of the format")
    shape, _, dtype = readers[version](file)
    if dtype.hasobject or (numbers and dtype.kind not in NUMBERS):
        raise ValueError(f"the array {name!r} is of {dtype}, no numbers")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != size - file.tell():
        raise ValueError(
            f"the array {name!r} is {dtype} {shape} by its header and has {size - file.tell():,} "
            "bytes"
        )
