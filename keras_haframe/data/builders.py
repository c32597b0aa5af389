"""Importing this module makes `tfds.load()` know the data sets of this package.

A data set is a folder `NAME` here with a file `NAME_dataset_builder.py`; to add one, put it there.
Needs TensorFlow and TensorFlow Datasets; the rest of `keras_haframe.data` does not.
"""

import importlib
import pathlib

from keras_haframe.data.image_tree.image_tree_dataset_builder import ImageTreeConfig

ENDING = "_dataset_builder"

__all__ = ["ImageTreeConfig", "names"]


def names() -> list[str]:
    """Names of the data sets, as `tfds.load` takes them."""
    files = pathlib.Path(__file__).parent.glob(f"*/*{ENDING}.py")
    return sorted(file.parent.name for file in files)


for _name in names():
    importlib.import_module(f"keras_haframe.data.{_name}.{_name}{ENDING}")
