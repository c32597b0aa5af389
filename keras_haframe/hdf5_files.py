"""HDF5 files that others made: what would read further files, or grow, is refused."""

from __future__ import annotations

import contextlib
import math
import pathlib
import zipfile
from typing import Any

from keras_haframe import archives
from keras_haframe.files import PathLike

FLOOR, GROWTH = 2**28, 1000  # a data set of more than 256 MiB and 1000 times what is stored


def check_hdf5(path: PathLike) -> None:
    """Refuse weights in HDF5 that would read other files, before any of them is read.

    HDF5 has three ways to name another file, which is opened and read without a word: external
    links, data sets with external storage, and virtual data sets. Files of Keras have none of
    them. (Keras refuses most of them by itself, at the time when it comes upon one.)

    Args:
        path: A `.h5` or `.hdf5` file, or a `.keras` archive that holds one. Other files, and one
            that is not there, are left to who reads them.

    Raises:
        ValueError: If it has one of them, a soft link, a data set that is small on the disk and
            large in memory, or is damaged. The message names the file.

    Example:

    ```python
    check_hdf5("of_a_stranger.weights.h5")
    model.load_weights("of_a_stranger.weights.h5")
    ```
    """
    path = pathlib.Path(path)
    if path.suffix not in (".h5", ".hdf5", ".keras") or not path.is_file():
        return
    try:
        if path.suffix != ".keras":
            _check(path)
            return
        with zipfile.ZipFile(path) as archive:
            archives.check_size(archive)
            for name in archive.namelist():
                if name.endswith(".h5"):
                    with archive.open(name) as member:
                        _check(member)
    except Exception as error:
        raise ValueError(f"{path} is damaged or not safe to read: {error}") from None


def _check(file: Any) -> None:
    import h5py

    with contextlib.closing(h5py.File(file, "r")) as root:
        groups, seen = [root], set()
        while groups:
            group = groups.pop()
            for name in group:
                link = group.get(name, getlink=True)
                if not isinstance(link, h5py.HardLink):
                    raise ValueError(f"it has the {type(link).__name__} {name!r}")
                found = group[name]
                if isinstance(found, h5py.Dataset):
                    _check_data(found)
                elif isinstance(found, h5py.Group) and found.id not in seen:
                    seen.add(found.id)
                    groups.append(found)


def _check_data(data: Any) -> None:
    if data.external:
        raise ValueError(f"{data.name!r} is stored in another file")
    if data.is_virtual:
        raise ValueError(f"{data.name!r} is a virtual data set, made of other files")
    size = math.prod(data.shape or (0,)) * data.dtype.itemsize
    if size > max(FLOOR, GROWTH * data.id.get_storage_size()):
        raise ValueError(f"{data.name!r} would take {size:,} bytes; hardly any are stored")
