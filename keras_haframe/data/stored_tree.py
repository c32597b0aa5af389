"""The class tree that a prepared data set carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keras_haframe.tree import ClassTree

if TYPE_CHECKING:
    import tensorflow_datasets as tfds


def class_tree(info: tfds.core.DatasetInfo) -> ClassTree:
    """Return the class tree that a prepared data set carries.

    Args:
        info: `tfds.core.DatasetInfo` of a data set of this package, as `tfds.load(...,
            with_info=True)` or `tfds.builder(...).info` give it.

    Returns:
        A `ClassTree` whose leaves are the data set's labels in their order.

    Raises:
        ValueError: If the data set is not prepared yet or carries no tree.

    Example:

    ```python
    _, info = tfds.load("fgvc_aircraft", split="train", with_info=True)
    tree = keras_haframe.data.class_tree(info)
    ```
    """
    stored = (info.metadata or {}).get("class_tree")
    if not stored:
        raise ValueError(
            f"{info.full_name} carries no class tree. Prepare it first (download_and_prepare); for "
            "data sets from elsewhere make the tree with a reader of keras_haframe.ClassTree."
        )
    return ClassTree.from_config(stored)
