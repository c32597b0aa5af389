"""CIFAR-100 as the papers use it: the five-level class tree and the validation images.

The tree (100, 20, 8, 4, 2 nodes) has the data set's own 20 superclasses; the names of the three
levels above them are ours. Groups with a single child stay, so every class lies at depth 5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from keras_haframe.data.file_order import check_split, read_arrays
from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.files import PathLike
from keras_haframe.tree import ClassTree

SPLITS = ("train", "validation", "test", "train+validation")

PREPROCESSING = Preprocessing.imagenet_style(
    (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761), None, change="pad_and_crop",
    pad_mode="reflect",
)  # fmt: skip

SUPERCLASSES = {
    "aquatic_mammals": "beaver dolphin otter seal whale",
    "fish": "aquarium_fish flatfish ray shark trout",
    "flowers": "orchid poppy rose sunflower tulip",
    "food_containers": "bottle bowl can cup plate",
    "fruit_and_vegetables": "apple mushroom orange pear sweet_pepper",
    "household_electrical_devices": "clock keyboard lamp telephone television",
    "household_furniture": "bed chair couch table wardrobe",
    "insects": "bee beetle butterfly caterpillar cockroach",
    "large_carnivores": "bear leopard lion tiger wolf",
    "large_man-made_outdoor_things": "bridge castle house road skyscraper",
    "large_natural_outdoor_scenes": "cloud forest mountain plain sea",
    "large_omnivores_and_herbivores": "camel cattle chimpanzee elephant kangaroo",
    "medium_mammals": "fox porcupine possum raccoon skunk",
    "non-insect_invertebrates": "crab lobster snail spider worm",
    "people": "baby boy girl man woman",
    "reptiles": "crocodile dinosaur lizard snake turtle",
    "small_mammals": "hamster mouse rabbit shrew squirrel",
    "trees": "maple_tree oak_tree palm_tree pine_tree willow_tree",
    "vehicles_1": "bicycle bus motorcycle pickup_truck train",
    "vehicles_2": "lawn_mower rocket streetcar tank tractor",
}

GROUPS = {
    "living": {
        "plant_life": {"plants": "fruit_and_vegetables trees flowers"},
        "animals": {
            "aquatic_animals": "fish aquatic_mammals",
            "land_mammals": "people large_carnivores large_omnivores_and_herbivores "
            "medium_mammals small_mammals",
            "other_animals": "insects reptiles non-insect_invertebrates",
        },
    },
    "non-living": {
        "man-made": {
            "household": "household_furniture food_containers household_electrical_devices",
            "vehicles": "vehicles_1 vehicles_2",
            "structures": "large_man-made_outdoor_things",
        },
        "natural": {"natural_scenes": "large_natural_outdoor_scenes"},
    },
}


def class_tree() -> ClassTree:
    """Return the tree; its classes are in the label order of the data set, which is alphabetical.

    Example:
        >>> class_tree().path(0)
        ['cifar100', 'living', 'plant_life', 'plants', 'fruit_and_vegetables', 'apple']

    Reference: Garg et al., HAFeature (ECCV 2022); Liang and Davis, HAFrame (ICCV 2023).
    """
    edges = []
    for side, kingdoms in GROUPS.items():
        edges.append(("cifar100", side))
        for kingdom, groups in kingdoms.items():
            edges.append((side, kingdom))
            for group, superclasses in groups.items():
                edges.append((kingdom, group))
                edges += [(group, superclass) for superclass in superclasses.split()]
    for superclass, classes in SUPERCLASSES.items():
        edges += [(superclass, name) for name in classes.split()]
    leaves = sorted(name for classes in SUPERCLASSES.values() for name in classes.split())
    return ClassTree(edges, leaves, name="cifar100")


def validation_mask(labels: ArrayLike, ids: ArrayLike, per_class: int = 50) -> np.ndarray:
    """Which training images the papers validate on: the last of every class, in file order.

    Args:
        labels: Integer labels `[n]`.
        ids: Anything that sorts in the order of the data set's file, such as TFDS's `id`, `[n]`.
        per_class: Validation images of every class.

    Returns:
        bool `[n]`.

    Raises:
        ValueError: If a class has not more than `per_class` images, or two images the same id.

    Example:

    >>> validation_mask([0, 1, 0, 1, 0], ["e", "a", "b", "d", "c"], per_class=1)
    array([ True, False, False,  True, False])
    """
    labels, ids = np.asarray(labels), np.asarray(ids)
    if len(np.unique(ids)) != len(ids):
        raise ValueError("`ids` must tell the images apart: two are the same.")
    counts = np.bincount(labels)
    few = np.flatnonzero((counts > 0) & (counts <= per_class))
    if few.size:
        raise ValueError(
            f"Class {few[0]} has {counts[few[0]]} images, so {per_class} of them for validation "
            "leave none to train on."
        )
    order = np.lexsort((ids, labels))  # by class, then in file order
    until_end = np.cumsum(counts)[labels[order]] - np.arange(len(labels))
    mask = np.zeros(len(labels), bool)
    mask[order] = until_end <= per_class
    return mask


def load_arrays(
    split: str,
    data_dir: PathLike | None = None,
    file: PathLike | None = None,
    download: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of a split of CIFAR-100.

    Args:
        split: `"train"` (45,000), `"validation"` (5,000: the last 50 of every class), `"test"`
            (10,000), or `"train+validation"`, all 50,000 that the data set trains on.
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
    images, labels = cifar100.load_arrays("train")
    train = tf.data.Dataset.from_tensor_slices((images, labels))
    ```
    """
    check_split(split, SPLITS)
    stored = "test" if split == "test" else "train"
    images, labels = read_arrays("cifar100", stored, data_dir, file, download)
    if split in ("test", "train+validation"):
        return images, labels
    mine = validation_mask(labels, np.arange(len(labels))) == (split == "validation")
    return images[mine], labels[mine]
