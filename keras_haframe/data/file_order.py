"""Arrays of an image data set in the order of its file, from TFDS or from an .npz file."""

from __future__ import annotations

import numpy as np

from keras_haframe.archives import read_npz
from keras_haframe.files import PathLike


def read_arrays(
    name: str,
    split: str,
    data_dir: PathLike | None = None,
    file: PathLike | None = None,
    download: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of a split, in the order of the data set's file.

    Args:
        name: TFDS's name of a data set with the features `image`, `label` and `id`.
        split: Name of the split.
        data_dir: Folder of the prepared data; TFDS's own by default.
        file: .npz file with `train_images`, `train_labels`, ... in that order; neither TFDS nor
            TensorFlow is needed then.
        download: Whether TFDS may download the data set if it is not there.

    Returns:
        uint8 `[n, h, w, 3]` and integer labels `[n]`.
    """
    if file is not None:
        names = (f"{split}_images", f"{split}_labels")
        arrays = read_npz(file, names)
        if len(arrays) < 2:
            raise ValueError(f"{file} must hold {names}. Received: {list(arrays)}")
        return arrays[names[0]], arrays[names[1]]
    import tensorflow_datasets as tfds

    data = tfds.as_numpy(
        tfds.load(name, split=split, data_dir=data_dir, download=download, batch_size=-1)
    )
    order = np.argsort(data["id"])  # TFDS reads its shards in another order
    return data["image"][order], data["label"][order]


def check_split(split: str, known: tuple[str, ...]) -> None:
    """Raise a `ValueError` unless `split` is one of the known ones."""
    if split not in known:
        raise ValueError(f"`split` must be one of {known}. Received: split={split!r}")
