"""Data sets, how their images are prepared, and how they are read.

Importing `keras_haframe.data.builders` tells TFDS of the data sets. Modules (`data.cifar100`,
`data.batches`, ...) are loaded when they are first used.
"""

import importlib as _importlib
import pkgutil as _pkgutil

from keras_haframe.data.array_batches import ArrayBatches
from keras_haframe.data.augmentation import Augmentation
from keras_haframe.data.mixed_batches import MixedBatches
from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.data.stored_tree import class_tree

__all__ = ["ArrayBatches", "Augmentation", "MixedBatches", "Preprocessing", "class_tree"]

_MODULES = {module.name for module in _pkgutil.iter_modules(__path__)}


def __getattr__(name: str):
    if name in _MODULES:
        return _importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES})
