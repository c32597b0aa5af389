"""CIFAR-10: a class tree of two groups, and the images from TFDS.

The data set has no tree of its own; animals and vehicles are ours.
"""

from __future__ import annotations

import numpy as np

from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.files import PathLike
from keras_haframe.tree import ClassTree

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
    data_dir: PathLike | None = None, download: bool = True
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Images and labels of CIFAR-10 by split, from TFDS.

    Args:
        data_dir: Folder of the prepared data; TFDS's own by default.
        download: Whether TFDS may download the data set if it is not there.

    Returns:
        `"train"` (50,000) and `"test"` (10,000) to uint8 images `[n, 32, 32, 3]` and int64 labels
        `[n]`, in file order.

    Example:

    ```python
    images, labels = cifar10.load_arrays()["train"]
    ```
    """
    import tensorflow_datasets as tfds

    data = {}
    for split in ("train", "test"):
        part = tfds.as_numpy(
            tfds.load("cifar10", split=split, data_dir=data_dir, download=download, batch_size=-1)
        )
        order = np.argsort(part["id"])
        data[split] = tuple(part[key][order] for key in ("image", "label"))
    return data
