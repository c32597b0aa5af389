"""A small data set of drawn aircraft with a class tree, made on the spot with NumPy.

Thirty-six invented variants in fifteen families of five manufacturers. Nothing is
downloaded. `tfds.load("drawn_aircraft")` works once `keras_haframe.data.builders` is
imported; the functions here need NumPy only.
"""

from keras_haframe.data.augmentation import Augmentation
from keras_haframe.data.drawn_aircraft.drawing import draw as draw
from keras_haframe.data.drawn_aircraft.drawing import load_arrays as load_arrays
from keras_haframe.data.drawn_aircraft.fleet import class_names as class_names
from keras_haframe.data.drawn_aircraft.fleet import class_tree as class_tree
from keras_haframe.data.drawn_aircraft.fleet import class_tree_edges as class_tree_edges
from keras_haframe.data.drawn_aircraft.fleet import lineage as lineage
from keras_haframe.data.preprocessing import Preprocessing

# Networks for these pictures scale the gray levels themselves.
PREPROCESSING = Preprocessing(augmentation=Augmentation("pad_and_crop", pad_mode="reflect"))

__all__ = [
    "PREPROCESSING",
    "class_names",
    "class_tree",
    "class_tree_edges",
    "draw",
    "lineage",
    "load_arrays",
]
