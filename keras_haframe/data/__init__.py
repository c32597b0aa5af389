"""Data sets, how their images are prepared, and how they are read.

Importing `keras_haframe.data.builders` tells TFDS of the data sets. Modules (`data.cifar100`,
`data.batches`, ...) are loaded when they are first used.
"""

from keras_haframe import rooms
from keras_haframe.data.array_batches import ArrayBatches
from keras_haframe.data.augmentation import Augmentation
from keras_haframe.data.cut_mix import CutMixedBatches
from keras_haframe.data.image_data import ImageData
from keras_haframe.data.image_folder import image_folder
from keras_haframe.data.image_table import image_table
from keras_haframe.data.mixed_batches import MixedBatches
from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.data.stored_tree import class_tree

__all__ = [
    "ArrayBatches",
    "Augmentation",
    "CutMixedBatches",
    "ImageData",
    "MixedBatches",
    "Preprocessing",
    "class_tree",
    "image_folder",
    "image_table",
]

__getattr__, __dir__ = rooms.lazy(__name__, [*__all__, *rooms.modules(__name__)])
