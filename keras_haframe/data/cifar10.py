"""CIFAR-10: a class tree of two groups, and the images as arrays.

The data set has no tree of its own; animals and vehicles are ours.
"""

from __future__ import annotations

import numpy as np

from keras_haframe.data.file_order import check_split, read_arrays
from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.files import PathLike
from keras_haframe.tree import ClassTree

SPLITS = ("train", "test")

# Of Yang et al. (NeurIPS 2022), for long-tailed CIFAR-10 and CIFAR-100 alike.
PREPROCESSING = Preprocessing.imagenet_style(
    (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010), None, change="pad_and_crop"
)

GROUPS = {
    "animals": "bird cat deer dog frog horse",
    "vehicles": "airplane automobile ship truck",
}


def class_tree() -> ClassTree:
    """Return the tree; its classes are in the label order of the data set, which is alphabetical.

    Example:
        >>> class_tree().path(3)
        ['cifar10', 'animals', 'cat']
    """
    edges = [("cifar10", group) for group in GROUPS]
    edges += [(group, name) for group, classes in GROUPS.items() for name in classes.split()]
    leaves = sorted(name for classes in GROUPS.values() for name in classes.split())
    return ClassTree(edges, leaves, name="cifar10")


def load_arrays(
    split: str,
    data_dir: PathLike | None = None,
    file: PathLike | None = None,
    download: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of a split of CIFAR-10.

    Args:
        split: `"train"` (50,000) or `"test"` (10,000).
        data_dir: Folder of the prepared data; TFDS's own by default.
        file: .npz file with `train_images`, `train_labels`, ... in file order; neither TFDS nor
            TensorFlow is needed then.
        download: Whether TFDS may download the data set if it is not there.

    Returns:
        uint8 images `[n, 32, 32, 3]` and integer labels `[n]`, in file order.

    Raises:
        ValueError: For another split.

    Example:

    ```python
    images, labels = cifar10.load_arrays("train")
    ```
    """
    check_split(split, SPLITS)
    return read_arrays("cifar10", split, data_dir, file, download)
