"""Importing this module makes `tfds.load()` know the data sets of this package.

Needs TensorFlow and TensorFlow Datasets; the rest of `keras_haframe.data` does not.
"""

from keras_haframe.data.drawn_aircraft import drawn_aircraft_dataset_builder
from keras_haframe.data.fgvc_aircraft import fgvc_aircraft_dataset_builder
from keras_haframe.data.image_tree import image_tree_dataset_builder
from keras_haframe.data.image_tree.image_tree_dataset_builder import ImageTreeConfig
from keras_haframe.data.inaturalist2019 import inaturalist2019_dataset_builder
from keras_haframe.data.tiered_imagenet_h import tiered_imagenet_h_dataset_builder

__all__ = [
    "ImageTreeConfig",
    "drawn_aircraft_dataset_builder",
    "fgvc_aircraft_dataset_builder",
    "image_tree_dataset_builder",
    "inaturalist2019_dataset_builder",
    "tiered_imagenet_h_dataset_builder",
]
